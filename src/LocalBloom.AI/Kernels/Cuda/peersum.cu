// add_sum, add_sum_in_slices — residual += Σ over ranks of their parts + bias. Each GPU runs it at the same time and reads the others' parts from their
// memory. Both give the same bits.
//
//   ranks     Rank [count]           of each rank, in its own memory:
//             .parts   float [2, capacity]       its parts of two sums, used in turn
//             .signals unsigned [BLOCKS, count]  [b, r]: to how many meetings rank r has come with its block b
//   turns     unsigned [BLOCKS]      how many meetings this rank's block b has been in; in this rank's memory
//   status    unsigned [2]           in the host's memory: x != 0 ends all waiting; y: 1 + the rank that was waited for in vain
//   buffer    which of the two parts; capacity is the elements of one
//   bias      number [width]         or null
//   residual  number [elements]      contiguous rows of width, width % 4 == 0
//
// add_sum, one-shot: block b tells the others' blocks b that this rank's parts are there (everything before this kernel in its stream is), waits for
// theirs, and adds in the order of the ranks, in float32, with one rounding at the store: every rank gets the same bits. No second signal is needed: a part
// is written again two sums later, behind a sum that no rank leaves before all have left this one.
// add_sum_in_slices, two-shot: after the same meeting each rank adds up its own slice alone, in the same order, and leaves the sum in its own part, where
// nobody else reads that slice; after a second meeting all read each slice from its owner. Block b reads there what block b has written. Slices are as long
// as whole cache lines, so that few lines are read before that meeting and again after it: where capacity is no multiple of a line, those in which slices of
// buffer 1 meet. That is right too, for whoever has met sees what the others wrote before.
// A wait is bounded by PATIENCE_MS: then, or where another's was, the rows become NaN, so that no wrong number can pass for a right one.
//
// Launch  grid min(BLOCKS, …), block THREADS; all ranks with the same grid. Both are defined by PeerSumKernel, the only caller. Blocks that wait must all
//         be resident together: BLOCKS_PER_SM of them fit on a multiprocessor, and every GPU that has peers has LEAST_SMS.
// Cost    reads over the link: (count − 1) · 4 · elements bytes, in slices 2 · (count − 1) / count of 4 · elements, for another meeting.
// Oracle  LocalLink.

#include "common.cuh"

constexpr int BLOCKS_PER_SM = 4; // each holds 1024 threads at least, with 64 registers for each
constexpr int LEAST_SMS = 16;
static_assert(THREADS * BLOCKS_PER_SM <= 1024 && BLOCKS <= LEAST_SMS * BLOCKS_PER_SM, "blocks that wait for each other must be resident together");
constexpr int LINE = 8; // quads of a cache line
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

// Tells the others' blocks of this number that this one has come to a turn, and waits for theirs. Whether all came. For all threads of a block.
__device__ bool meet(const Rank* ranks, int count, int own, unsigned turn, unsigned* status)
{
    int isLost = 0;
    if (threadIdx.x < count && threadIdx.x != own)
    {
        signal(ranks[threadIdx.x].signals + blockIdx.x * count + own, turn);
        isLost = !wait(ranks[own].signals + blockIdx.x * count + threadIdx.x, turn, status, threadIdx.x);
    }
    return !__syncthreads_or(isLost);
}

// Adds up the ranks' quads first, first + step, … before end, in the order of the ranks.
__device__ __forceinline__ void add_up(float4 (&sums)[AT_ONCE], const Rank* ranks, int count, long long from, int first, int step, int end)
{
    for (int rank = 0; rank < count; ++rank)
    {
        float4 parts[AT_ONCE] = {};
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i)
        {
            if (first + i * step < end) parts[i] = read(ranks[rank].parts + from + 4ll * (first + i * step));
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i) add(sums[i], parts[i]);
    }
}

// Adds sums to the residual's quads first, first + step, … before end. What is lost becomes NaN.
__device__ __forceinline__ void finish(const float4 (&sums)[AT_ONCE], int first, int step, int end, const number* bias, number* residual, int width, bool isLost)
{
    const float lost = isLost ? __int_as_float(0x7fffffff) : 0.0f;
#pragma unroll
    for (int i = 0; i < AT_ONCE; ++i)
    {
        if (first + i * step >= end) continue;
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

// The turn before this sum's first, of a block; `waits` are counted from there.
__device__ __forceinline__ unsigned begin(unsigned* turns, unsigned waits)
{
    const unsigned turn = turns[blockIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) turns[blockIdx.x] = turn + waits;
    return turn;
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_PER_SM)
add_sum(const Rank* ranks, int count, int own, unsigned* turns, unsigned* status, int buffer, long long capacity,
        const number* bias, number* residual, int elements, int width)
{
    const bool isLost = !meet(ranks, count, own, begin(turns, 1) + 1, status);
    const long long from = buffer * capacity;
    const int quads = elements / 4, step = gridDim.x * THREADS;
    for (int first = blockIdx.x * THREADS + threadIdx.x; first < quads; first += AT_ONCE * step)
    {
        float4 sums[AT_ONCE] = {};
        add_up(sums, ranks, count, from, first, step, quads);
        finish(sums, first, step, quads, bias, residual, width, isLost);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_PER_SM)
add_sum_in_slices(const Rank* ranks, int count, int own, unsigned* turns, unsigned* status, int buffer, long long capacity,
                  const number* bias, number* residual, int elements, int width)
{
    const unsigned turn = begin(turns, 2);
    const long long from = buffer * capacity;
    const int quads = elements / 4, step = gridDim.x * THREADS;
    const int slice = (quads / count + LINE - 1 + (quads % count != 0)) / LINE * LINE; // of quads; the last ones may be shorter, or empty
    bool isLost = !meet(ranks, count, own, turn + 1, status);
    const int end = min((own + 1) * slice, quads);
    for (int first = own * slice + blockIdx.x * THREADS + threadIdx.x; first < end && !isLost; first += AT_ONCE * step)
    {
        float4 sums[AT_ONCE] = {};
        add_up(sums, ranks, count, from, first, step, end);
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i)
        {
            if (first + i * step < end) *reinterpret_cast<float4*>(ranks[own].parts + from + 4ll * (first + i * step)) = sums[i];
        }
    }

    __threadfence_system();
    __syncthreads();
    isLost = isLost || !meet(ranks, count, own, turn + 2, status);
    for (int next = 0; next < count; ++next)
    {
        const int owner = (own + next) % count; // not all of the same rank at once
        const int last = min((owner + 1) * slice, quads);
        for (int first = owner * slice + blockIdx.x * THREADS + threadIdx.x; first < last; first += AT_ONCE * step)
        {
            float4 sums[AT_ONCE] = {};
            add_up(sums, ranks + owner, 1, from, first, step, last);
            finish(sums, first, step, last, bias, residual, width, isLost);
        }
    }
}
