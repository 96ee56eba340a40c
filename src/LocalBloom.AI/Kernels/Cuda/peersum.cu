// add_sum — residual += Σ over ranks of their parts + bias. Each GPU runs it at the same time and reads the others' parts from their memory.
//
//   ranks     Rank [count]           of each rank, in its own memory:
//             .parts   float [2, capacity]       its parts of two sums, used in turn
//             .signals unsigned [BLOCKS, count]  [b, r]: how many sums rank r has come to with its block b
//   turns     unsigned [BLOCKS]      how many sums this rank's block b has been in; in this rank's memory
//   status    unsigned [2]           in the host's memory: x != 0 ends all waiting; y: 1 + the rank that was waited for in vain
//   buffer    which of the two parts; capacity is the elements of one
//   bias      number [width]         or null
//   residual  number [elements]      contiguous rows of width, width % 4 == 0
//
// One-shot: block b tells the others' blocks b that this rank's parts are there (everything before this kernel in its stream is), waits for theirs, and
// adds in the order of the ranks, in float32, with one rounding at the store: every rank gets the same bits. No second signal is needed: a part is written
// again two sums later, behind a sum that no rank leaves before all have left this one.
// A wait is bounded by PATIENCE_MS: then, or where another's was, the rows become NaN, so that no wrong number can pass for a right one.
//
// Launch  grid min(BLOCKS, …), block THREADS; all ranks with the same grid. Both are defined by PeerSumKernel, the only caller. Blocks that wait must all
//         be resident together: BLOCKS_PER_SM of them fit on a multiprocessor, and every GPU that has peers has LEAST_SMS.
// Cost    reads (count − 1) · 4 · elements bytes over the link.
// Oracle  LocalLink.

constexpr int BLOCKS_PER_SM = 4; // each holds 1024 threads at least, with 64 registers for each
constexpr int LEAST_SMS = 16;
static_assert(THREADS * BLOCKS_PER_SM <= 1024 && BLOCKS <= LEAST_SMS * BLOCKS_PER_SM, "blocks that wait for each other must be resident together");
constexpr int AT_ONCE = 4; // loads in flight of a thread

struct Rank
{
    float* parts;
    unsigned* signals;
};

__device__ __forceinline__ void signal(unsigned* at, unsigned value) { asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory"); }

__device__ __forceinline__ unsigned look(const unsigned* at)
{
    unsigned value;
    asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(at) : "memory");
    return value;
}

__device__ __forceinline__ unsigned long long nanoseconds()
{
    unsigned long long value;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(value));
    return value;
}

// Whether the signal came.
__device__ bool wait(const unsigned* at, unsigned value, unsigned* status, int from)
{
    const unsigned long long start = nanoseconds();
    for (unsigned spins = 1; (int)(look(at) - value) < 0; ++spins)
    {
        if (spins % 1024) continue;
        if (look(status)) return false;
        if (nanoseconds() - start > PATIENCE_MS * 1000000ull)
        {
            signal(status + 1, 1 + from);
            signal(status, 1);
            return false;
        }
    }
    return true;
}

__device__ __forceinline__ float4 read(const float* from)
{
    float4 value;
    asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(value.x), "=f"(value.y), "=f"(value.z), "=f"(value.w) : "l"(from) : "memory");
    return value;
}

#if NUMBER_TYPE == 0
typedef float4 quad;
#else
typedef ushort4 quad;
#endif

__device__ __forceinline__ float4 widen4(const number* from)
{
    const quad q = *reinterpret_cast<const quad*>(from);
    const float4 wide = {widen(q.x), widen(q.y), widen(q.z), widen(q.w)};
    return wide;
}

__device__ __forceinline__ void add(float4& to, const float4 x)
{
    to.x += x.x;
    to.y += x.y;
    to.z += x.z;
    to.w += x.w;
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_PER_SM)
add_sum(const Rank* ranks, int count, int own, unsigned* turns, unsigned* status, int buffer, long long capacity,
        const number* bias, number* residual, int elements, int width)
{
    __shared__ int isLost;
    const unsigned turn = turns[blockIdx.x];
    if (threadIdx.x == 0) isLost = 0;
    __syncthreads();
    if (threadIdx.x == 0) turns[blockIdx.x] = turn + 1;
    if (threadIdx.x < count && threadIdx.x != own)
    {
        signal(ranks[threadIdx.x].signals + blockIdx.x * count + own, turn + 1);
        if (!wait(ranks[own].signals + blockIdx.x * count + threadIdx.x, turn + 1, status, threadIdx.x)) isLost = 1;
    }
    __syncthreads();

    const long long from = buffer * capacity;
    const float lost = isLost ? __int_as_float(0x7fffffff) : 0.0f;
    const int quads = elements / 4, step = gridDim.x * THREADS;
    for (int first = blockIdx.x * THREADS + threadIdx.x; first < quads; first += AT_ONCE * step)
    {
        float4 sums[AT_ONCE] = {};
        for (int rank = 0; rank < count; ++rank)
        {
            float4 parts[AT_ONCE] = {};
#pragma unroll
            for (int i = 0; i < AT_ONCE; ++i)
            {
                if (first + i * step < quads) parts[i] = read(ranks[rank].parts + from + 4ll * (first + i * step));
            }
#pragma unroll
            for (int i = 0; i < AT_ONCE; ++i) add(sums[i], parts[i]);
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i)
        {
            if (first + i * step >= quads) continue;
            const int at = 4 * (first + i * step);
            float4 sum = sums[i];
            if (bias) add(sum, widen4(bias + at % width));
            add(sum, widen4(residual + at));
            quad result;
            result.x = narrow(sum.x + lost);
            result.y = narrow(sum.y + lost);
            result.z = narrow(sum.z + lost);
            result.w = narrow(sum.w + lost);
            *reinterpret_cast<quad*>(residual + at) = result;
        }
    }
}
