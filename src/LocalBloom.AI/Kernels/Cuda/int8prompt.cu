// pack, prompt_1 … prompt_4 — products of a prompt's rows with int8 weights, on the tensor cores of Hopper. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   packed   number [blocks of rows, inputs / 64, rows of a block, 64]   x as `prompt` wants it in shared memory
//   weight   int8   [outputs, inputs]
//   scales   number [outputs]            what a row of weight is to be multiplied with
//   bias     number [outputs]            or null
//   result   number [rows, outputs]      what is there is added to where `add` is not 0
//
// pack      Rows past the last are zeros. Grid (ceil(inputs / 8 / 256), blocks · rows of a block), block 256; inputs % 64 == 0.
// prompt_N  result = (add ? result : 0) + scales · (x · weightᵀ) + bias, summed in float32 in a fixed order, one rounding at the store. A block has 128
//           outputs and 64 · N rows; the blocks of a cluster share the inputs, and meet in each other's shared memory. Grid
//           ceil(outputs / 128) · blocks of rows · ranks, cluster of ranks, block 384: two warpgroups that multiply and one that has x copied for
//           them. inputs % 64 == 0 and outputs % 16 == 0, checked by Int8PromptKernel, the only caller. Weights go from memory to the registers in
//           which they become numbers and from which wgmma takes them.
// Order     A lane takes 16 neighbouring weights in one load and has with them its part of four products of 16 inputs each. So the inputs of 64 are in
//           another order than wgmma's; as long as both sides have the same it does not matter, and `pack` gives x the weights'.
// Swizzle   Within 8 rows of 128 bytes, the 16-byte pieces of row r stand at piece ^ r: wgmma's 128-byte mode, free of bank conflicts.
// Oracle    DequantizedLinear in float32.

constexpr int CHUNK = 64;                          // inputs of a stage: 128 bytes of a row
constexpr int PIECES = CHUNK * sizeof(number) / 16;
constexpr int TILE = 64;                           // rows of one wgmma
constexpr int TILE_BYTES = TILE * CHUNK * sizeof(number);
constexpr int OUTPUTS = 128;
constexpr int STAGES = 4;
constexpr int WARPS = OUTPUTS / 16;                // that multiply
constexpr int THREADS = 32 * (WARPS + 4);
constexpr int STRIDE = OUTPUTS + 4;                // of the sums: their stores meet no bank twice
constexpr int ALIGNMENT = 1024;                    // of the swizzle's pattern
constexpr int PACK_THREADS = 256;

extern "C" __global__ void __launch_bounds__(PACK_THREADS)
pack(const number* __restrict__ x, uint4* __restrict__ packed, int rows, int inputs, int blockRows)
{
    const int at = blockIdx.x * PACK_THREADS + threadIdx.x, chunks = inputs / CHUNK, row = blockIdx.y;
    if (at >= chunks * PIECES) return;
    const int chunk = at / PIECES, piece = at % PIECES, own = row % blockRows;
    uint4 words = make_uint4(0, 0, 0, 0);
    if (row < rows)
    {
        const unsigned* from = reinterpret_cast<const unsigned*>(x + (size_t)row * inputs + chunk * CHUNK) + piece;
        words = make_uint4(from[0], from[8], from[16], from[24]);
    }
    packed[((size_t)(row / blockRows * chunks + chunk) * blockRows + own) * PIECES + (piece ^ (own % 8))] = words;
}

// Four neighbouring weights as two pairs of numbers, exactly.
__device__ __forceinline__ void to_numbers(unsigned weights, unsigned& first, unsigned& second)
{
    const unsigned raised = weights ^ 0x80808080u; // weight + 128
#if NUMBER_TYPE == 1
    // Under 0x64 a byte is 1024 + byte in half precision.
    asm("sub.f16x2 %0, %1, %2;" : "=r"(first) : "r"(__byte_perm(raised, 0x64646464u, 0x4140)), "r"(0x64806480u));
    asm("sub.f16x2 %0, %1, %2;" : "=r"(second) : "r"(__byte_perm(raised, 0x64646464u, 0x4342)), "r"(0x64806480u));
#else
    // Under 0x4b00 a byte is 2^23 + byte in single precision; the upper half of a small whole number is it in bfloat16.
    float f[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) f[i] = __uint_as_float(__byte_perm(raised, 0x4b000000u, 0x7440 + i)) - 8388736.0f;
    first = __byte_perm(__float_as_uint(f[0]), __float_as_uint(f[1]), 0x7632);
    second = __byte_perm(__float_as_uint(f[2]), __float_as_uint(f[3]), 0x7632);
#endif
}

__device__ __forceinline__ uint4 load_once(const signed char* from)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from));
    return v;
}

__device__ __forceinline__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

__device__ __forceinline__ unsigned cluster_rank()
{
    unsigned rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

__device__ __forceinline__ unsigned cluster_ranks()
{
    unsigned ranks;
    asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(ranks));
    return ranks;
}

__device__ __forceinline__ void meet_cluster()
{
    asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ __forceinline__ float4 load_of(unsigned rank, unsigned address)
{
    unsigned remote;
    float4 v;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(address), "r"(rank));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(remote) : "memory");
    return v;
}

__device__ __forceinline__ void make_barrier(unsigned barrier, unsigned arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(barrier), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void arrive(unsigned barrier) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(barrier) : "memory"); }

__device__ __forceinline__ void wait(unsigned barrier, unsigned parity)
{
    unsigned done;
    do
    {
        asm volatile("{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\tselp.u32 %0, 1, 0, p;\n\t}"
            : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
    } while (done == 0);
}

__device__ __forceinline__ void copy(unsigned to, const void* from, unsigned bytes, unsigned barrier)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(barrier), "r"(bytes) : "memory");
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        :: "r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}

// Of 64 rows and a chunk in shared memory, in the swizzle of 128 bytes; 8 rows take 1024.
__device__ __forceinline__ unsigned long long descriptor(unsigned address)
{
    return (unsigned long long)((address & 0x3ffff) >> 4) | (1ull << 16) | ((unsigned long long)(1024 >> 4) << 32) | (1ull << 62);
}

#if NUMBER_TYPE == 1
#define WGMMA "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
#else
#define WGMMA "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
#endif

// sum += a · b, without waiting. `sum`: of output g (+ 8) and row 8 i + 2 part (+ 1) at 4 i (+ 2) (+ 1), where g and part are lane / 4 and lane % 4.
__device__ __forceinline__ void multiply_add(float (&s)[32], const unsigned (&a)[4], unsigned long long b)
{
    asm volatile(
        "{\n\t.reg .pred p;\n\tsetp.ne.b32 p, 1, 0;\n\t" WGMMA
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, "
        "%30, %31}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;\n\t}"
        : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3]), "+f"(s[4]), "+f"(s[5]), "+f"(s[6]), "+f"(s[7]), "+f"(s[8]), "+f"(s[9]), "+f"(s[10]),
          "+f"(s[11]), "+f"(s[12]), "+f"(s[13]), "+f"(s[14]), "+f"(s[15]), "+f"(s[16]), "+f"(s[17]), "+f"(s[18]), "+f"(s[19]), "+f"(s[20]),
          "+f"(s[21]), "+f"(s[22]), "+f"(s[23]), "+f"(s[24]), "+f"(s[25]), "+f"(s[26]), "+f"(s[27]), "+f"(s[28]), "+f"(s[29]), "+f"(s[30]), "+f"(s[31])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// The compiler must not move what it does with these registers across here.
template <int TILES>
__device__ __forceinline__ void hold(float (&sum)[TILES][32])
{
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int i = 0; i < 32; ++i) asm volatile("" : "+f"(sum[t][i]) :: "memory");
}

// A warp's part of the sums: 16 outputs, all rows.
template <int TILES>
__device__ __forceinline__ void multiply(float (&sum)[TILES][32], const signed char* low, const signed char* high, int count, unsigned x, unsigned full,
                                         unsigned empty)
{
    uint4 lows[STAGES], highs[STAGES]; // weights under way
#pragma unroll
    for (int stage = 0; stage < STAGES; ++stage)
    {
        lows[stage] = highs[stage] = make_uint4(0, 0, 0, 0);
        if (stage < count)
        {
            lows[stage] = load_once(low + stage * CHUNK);
            highs[stage] = load_once(high + stage * CHUNK);
        }
    }

    unsigned a[2][4][4]; // the one half is converted to while the other is multiplied
    for (int first = 0; first < count; first += STAGES)
    {
#pragma unroll
        for (int stage = 0; stage < STAGES; ++stage)
        {
            const unsigned l[4] = {lows[stage].x, lows[stage].y, lows[stage].z, lows[stage].w};
            const unsigned h[4] = {highs[stage].x, highs[stage].y, highs[stage].z, highs[stage].w};
#pragma unroll
            for (int k = 0; k < 4; ++k)
            {
                to_numbers(l[k], a[stage % 2][k][0], a[stage % 2][k][2]);
                to_numbers(h[k], a[stage % 2][k][1], a[stage % 2][k][3]);
            }

            const int next = first + stage + STAGES;
            lows[stage] = highs[stage] = make_uint4(0, 0, 0, 0); // past the end, weights are zeros
            if (next < count)
            {
                lows[stage] = load_once(low + next * CHUNK);
                highs[stage] = load_once(high + next * CHUNK);
            }

            wait(full + stage * 8, (first / STAGES) % 2);
            hold(sum);
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
            for (int k = 0; k < 4; ++k)
#pragma unroll
                for (int t = 0; t < TILES; ++t) multiply_add(sum[t], a[stage % 2][k], descriptor(x + (stage * TILES + t) * TILE_BYTES + k * 32));
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            hold(sum);
            asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory"); // the chunk before is done
            if (first + stage > 0 && threadIdx.x % 32 == 0) arrive(empty + (stage + STAGES - 1) % STAGES * 8);
        }
    }
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    hold(sum);
}

template <int TILES>
__device__ __forceinline__ void prompt(const number* packed, const signed char* weight, const number* scales, const number* bias, number* result,
                                       int rows, int outputs, int inputs, int blocks, int add)
{
    constexpr int ROWS = TILE * TILES;
    extern __shared__ unsigned char memory[];
    __shared__ __align__(8) unsigned long long barriers[2 * STAGES];

    const int ranks = cluster_ranks(), rank = cluster_rank(), chunks = inputs / CHUNK;
    const int block = blockIdx.x / ranks % blocks, firstOutput = blockIdx.x / ranks / blocks * OUTPUTS;
    const int begin = chunks * rank / ranks, count = chunks * (rank + 1) / ranks - begin;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const unsigned x = (shared_address(memory) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, full = shared_address(barriers), empty = full + STAGES * 8;

    if (threadIdx.x == 0)
    {
        for (int stage = 0; stage < STAGES; ++stage)
        {
            make_barrier(full + stage * 8, 1);
            make_barrier(empty + stage * 8, WARPS);
        }
        asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::: "memory");
    }
    __syncthreads();

    if (warp >= WARPS)
    {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
        if (warp == WARPS && lane == 0)
        {
            const number* from = packed + ((size_t)block * chunks + begin) * ROWS * CHUNK;
            for (int i = 0; i < (count + STAGES - 1) / STAGES * STAGES; ++i)
            {
                const int stage = i % STAGES;
                if (i >= STAGES) wait(empty + stage * 8, (i / STAGES + 1) % 2);
                copy(x + stage * TILES * TILE_BYTES, from + (size_t)min(i, count - 1) * ROWS * CHUNK, TILES * TILE_BYTES, full + stage * 8);
            }
        }
        __syncwarp();
        meet_cluster();
        meet_cluster();
        return;
    }

    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(TILES == 1 ? 104 : 240));
    float sum[TILES][32] = {};
    {
        const int output = firstOutput + warp * 16 + group;
        const signed char* own = weight + (size_t)begin * CHUNK + part * 16;
        multiply(sum, own + (size_t)min(output, outputs - 1) * inputs, own + (size_t)min(output + 8, outputs - 1) * inputs, count, x, full, empty);
    }
    asm volatile("bar.sync 1, %0;" :: "n"(32 * WARPS) : "memory"); // nobody reads x any more: its memory takes the sums, [rows][outputs]
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int i = 0; i < 32; ++i)
        {
            const int row = t * TILE + i / 4 * 8 + part * 2 + i % 2, output = warp * 16 + group + i / 2 % 2 * 8;
            asm volatile("st.shared.f32 [%0], %1;" :: "r"(x + (row * STRIDE + output) * 4), "f"(sum[t][i]) : "memory");
        }
    meet_cluster();

    const int output = firstOutput + lane * 4;
    if (output < outputs)
    {
        for (int own = ROWS * rank / ranks + warp; own < ROWS * (rank + 1) / ranks; own += WARPS)
        {
            const int row = block * ROWS + own;
            if (row >= rows) break;
            float total[4] = {};
            for (int r = 0; r < ranks; ++r)
            {
                const float4 some = load_of(r, x + (own * STRIDE + lane * 4) * 4);
                total[0] += some.x, total[1] += some.y, total[2] += some.z, total[3] += some.w;
            }
            number* to = result + (size_t)row * outputs + output;
#pragma unroll
            for (int i = 0; i < 4; ++i)
            {
                float value = total[i] * widen(scales[output + i]);
                if (bias != nullptr) value += widen(bias[output + i]);
                to[i] = narrow(add ? widen(to[i]) + value : value);
            }
        }
    }
    meet_cluster(); // its memory stays until all have read it
}

#define PROMPT(N) \
    extern "C" __global__ void __launch_bounds__(THREADS, N == 1 ? 2 : 1) prompt_##N( \
        const number* __restrict__ packed, const signed char* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, \
        number* __restrict__ result, int rows, int outputs, int inputs, int blocks, int add) \
    { \
        prompt<N>(packed, weight, scales, bias, result, rows, outputs, inputs, blocks, add); \
    }

PROMPT(1)
PROMPT(2)
PROMPT(3)
PROMPT(4)
