// pack, prompt — products of a prompt's rows with int8 weights, on the tensor cores of Hopper. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   packed   number [row blocks, inputs / 64, rows of a tile, 64]   x as `prompt` wants it in shared memory
//   weight   int8   [outputs, inputs]
//   scales   number [outputs]            what a row of weight is to be multiplied with
//   bias     number [outputs]            or null
//   result   number [rows, outputs]      what is there is added to where `add` is not 0
//
// pack      Rows past the last are zeros. Grid (ceil(inputs / 8 / 256), row blocks · rows of a tile), block 256; inputs % 64 == 0.
// prompt    result = (add ? result : 0) + scales · (x · weightᵀ) + bias, summed in float32 in a fixed order, one rounding at the store. A tile has OUTPUTS
//           outputs and ROWS rows. `splits` blocks share the inputs of a tile: each leaves its sums in `partial`, and the one that comes last adds them
//           up in the order of the splits. Grid tiles · splits, block 32 · (WARPS + 4): a warpgroup for each 64 outputs, and one that has x copied for
//           them. inputs % 64 == 0 and outputs % 16 == 0, checked by Int8PromptKernel, the only caller. Weights go from memory to the registers in
//           which they become numbers and from which wgmma takes them.
//   partial   float  [tiles, splits, ROWS · OUTPUTS]
//   arrivals  int    [tiles]             zeros before and after
//   OUTPUTS   128 or 192, and ROWS, 64, 96, 128, 192 or 256; STAGES, PADDING and ALIGNMENT, that of the swizzle's pattern: macros
// Order     A lane takes 16 neighbouring weights in one load and has with them its part of four products of 16 inputs each. So the inputs of 64 are in
//           another order than wgmma's; as long as both sides have the same it does not matter, and `pack` gives x the weights'.
// Swizzle   Within 8 rows of 128 bytes, the 16-byte pieces of row r stand at piece ^ r: wgmma's 128-byte mode, free of bank conflicts.
// Oracle    DequantizedLinear in float32.

#include "common.cuh"

constexpr int CHUNK = 64;                          // inputs of a stage: 128 bytes of a row
constexpr int PIECES = CHUNK * sizeof(number) / 16;
constexpr int TILE = ROWS % 96 == 0 ? 96 : 64;     // rows of one wgmma
constexpr int TILES = ROWS / TILE;
constexpr int TILE_BYTES = TILE * CHUNK * sizeof(number);
constexpr int SUMS = TILE / 2;                     // that a lane has of a tile
constexpr int WARPS = OUTPUTS / 16;                // that multiply
constexpr int THREADS = 32 * (WARPS + 4);
constexpr int STRIDE = OUTPUTS + PADDING;          // of the sums: their stores meet no bank twice
constexpr int REGISTERS = (65536 / THREADS / 8 * 8 * THREADS - 24 * 128) / (32 * WARPS) / 8 * 8; // of a thread that multiplies, where those that copy keep 24
constexpr int PACK_THREADS = 256;

extern "C" __global__ void __launch_bounds__(PACK_THREADS)
pack(const number* x, uint4* packed, int rows, int inputs, int blockRows)
{
    follow(); // `prompt` may ask for its weights
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

__device__ __forceinline__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

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
#define PAIR "f16.f16"
#else
#define PAIR "bf16.bf16"
#endif

// sum += a · b, without waiting. `sum`: of output g (+ 8) and row 8 i + 2 part (+ 1) at 4 i (+ 2) (+ 1), where g and part are lane / 4 and lane % 4.
__device__ __forceinline__ void multiply_add(float (&s)[32], const unsigned (&a)[4], unsigned long long b)
{
    asm volatile(
        "{\n\t.reg .pred p;\n\tsetp.ne.b32 p, 1, 0;\n\twgmma.mma_async.sync.aligned.m64n64k16.f32." PAIR " {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, "
        "%27, %28, %29, %30, %31}, "
        "{%32, %33, %34, %35}, %36, p, 1, 1, 0;\n\t}"
        : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3]), "+f"(s[4]), "+f"(s[5]), "+f"(s[6]), "+f"(s[7]), "+f"(s[8]), "+f"(s[9]), "+f"(s[10]),
          "+f"(s[11]), "+f"(s[12]), "+f"(s[13]), "+f"(s[14]), "+f"(s[15]), "+f"(s[16]), "+f"(s[17]), "+f"(s[18]), "+f"(s[19]), "+f"(s[20]),
          "+f"(s[21]), "+f"(s[22]), "+f"(s[23]), "+f"(s[24]), "+f"(s[25]), "+f"(s[26]), "+f"(s[27]), "+f"(s[28]), "+f"(s[29]), "+f"(s[30]),
          "+f"(s[31])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

__device__ __forceinline__ void multiply_add(float (&s)[48], const unsigned (&a)[4], unsigned long long b)
{
    asm volatile(
        "{\n\t.reg .pred p;\n\tsetp.ne.b32 p, 1, 0;\n\twgmma.mma_async.sync.aligned.m64n96k16.f32." PAIR " {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, "
        "%27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47}, "
        "{%48, %49, %50, %51}, %52, p, 1, 1, 0;\n\t}"
        : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3]), "+f"(s[4]), "+f"(s[5]), "+f"(s[6]), "+f"(s[7]), "+f"(s[8]), "+f"(s[9]), "+f"(s[10]),
          "+f"(s[11]), "+f"(s[12]), "+f"(s[13]), "+f"(s[14]), "+f"(s[15]), "+f"(s[16]), "+f"(s[17]), "+f"(s[18]), "+f"(s[19]), "+f"(s[20]),
          "+f"(s[21]), "+f"(s[22]), "+f"(s[23]), "+f"(s[24]), "+f"(s[25]), "+f"(s[26]), "+f"(s[27]), "+f"(s[28]), "+f"(s[29]), "+f"(s[30]),
          "+f"(s[31]), "+f"(s[32]), "+f"(s[33]), "+f"(s[34]), "+f"(s[35]), "+f"(s[36]), "+f"(s[37]), "+f"(s[38]), "+f"(s[39]), "+f"(s[40]),
          "+f"(s[41]), "+f"(s[42]), "+f"(s[43]), "+f"(s[44]), "+f"(s[45]), "+f"(s[46]), "+f"(s[47])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// The compiler must not move what it does with these registers across here.
__device__ __forceinline__ void hold(float (&sum)[TILES][SUMS])
{
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int i = 0; i < SUMS; ++i) asm volatile("" : "+f"(sum[t][i]) :: "memory");
}

__device__ __forceinline__ void meet_multipliers() { asm volatile("bar.sync 1, %0;" :: "n"(32 * WARPS) : "memory"); }

__device__ __forceinline__ void load(uint4& low, uint4& high, const signed char* lows, const signed char* highs, int chunk, int chunks)
{
    low = high = make_uint4(0, 0, 0, 0); // past the end, weights are zeros
    if (chunk < chunks)
    {
        low = load_once(lows + chunk * CHUNK);
        high = load_once(highs + chunk * CHUNK);
    }
}

// A warp's part of the sums: 16 outputs, all rows.
__device__ __forceinline__ void multiply(float (&sum)[TILES][SUMS], const signed char* low, const signed char* high, int chunks, unsigned x, unsigned full,
                                         unsigned empty)
{
    uint4 lows[STAGES], highs[STAGES]; // weights under way: of outputs g and g + 8
#pragma unroll
    for (int stage = 0; stage < STAGES; ++stage) load(lows[stage], highs[stage], low, high, stage, chunks);

    unsigned a[2][4][4]; // the one half is converted to while the other is multiplied
    for (int first = 0; first < chunks; first += STAGES)
    {
#pragma unroll
        for (int stage = 0; stage < STAGES; ++stage)
        {
            const unsigned l[4] = {lows[stage].x, lows[stage].y, lows[stage].z, lows[stage].w};
            const unsigned h[4] = {highs[stage].x, highs[stage].y, highs[stage].z, highs[stage].w};
#pragma unroll
            for (int k = 0; k < 4; ++k)
            {
                raised_to_numbers(raise(l[k]), a[stage % 2][k][0], a[stage % 2][k][2]);
                raised_to_numbers(raise(h[k]), a[stage % 2][k][1], a[stage % 2][k][3]);
            }
            load(lows[stage], highs[stage], low, high, first + stage + STAGES, chunks);

            wait(full + stage * 8, first / STAGES % 2);
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

// Leaves a block's sums where others find them. The last to come gets all, and is told so.
__device__ __forceinline__ bool gather(float (&sum)[TILES][SUMS], float4* partial, int* arrivals, int split, int splits)
{
    constexpr int PART = ROWS * OUTPUTS / 4;
    __shared__ bool isLast;
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int i = 0; i < SUMS / 4; ++i)
            __stcg(partial + split * PART + (t * SUMS / 4 + i) * 32 * WARPS + threadIdx.x,
                   make_float4(sum[t][4 * i], sum[t][4 * i + 1], sum[t][4 * i + 2], sum[t][4 * i + 3]));
    __threadfence();
    meet_multipliers();
    if (threadIdx.x == 0)
    {
        isLast = atomicAdd(arrivals, 1) == splits - 1;
        if (isLast) *arrivals = 0;
        __threadfence();
    }
    meet_multipliers();
    if (!isLast) return false;

    for (int other = 0; other < splits; ++other)
    {
#pragma unroll
        for (int t = 0; t < TILES; ++t)
#pragma unroll
            for (int i = 0; i < SUMS / 4; ++i)
            {
                const float4 some = __ldcg(partial + other * PART + (t * SUMS / 4 + i) * 32 * WARPS + threadIdx.x);
                sum[t][4 * i] = other == 0 ? some.x : sum[t][4 * i] + some.x;
                sum[t][4 * i + 1] = other == 0 ? some.y : sum[t][4 * i + 1] + some.y;
                sum[t][4 * i + 2] = other == 0 ? some.z : sum[t][4 * i + 2] + some.z;
                sum[t][4 * i + 3] = other == 0 ? some.w : sum[t][4 * i + 3] + some.w;
            }
    }
    return true;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
prompt(const number* packed, const signed char* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, number* result,
       float4* partial, int* arrivals, int rows, int outputs, int inputs, int rowBlocks, int splits, int add)
{
    extern __shared__ unsigned char memory[];
    __shared__ __align__(8) unsigned long long barriers[2 * STAGES];

    const int tile = blockIdx.x / splits, split = blockIdx.x % splits, block = tile % rowBlocks, firstOutput = tile / rowBlocks * OUTPUTS;
    const int chunks = inputs / CHUNK, begin = chunks * split / splits, count = chunks * (split + 1) / splits - begin;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const unsigned start = shared_address(memory), skipped = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    const unsigned x = start + skipped, full = shared_address(barriers), empty = full + STAGES * 8;

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
            wait_for_previous(); // `pack`
            const number* from = packed + ((size_t)block * chunks + begin) * ROWS * CHUNK;
            for (int i = 0; i < (count + STAGES - 1) / STAGES * STAGES; ++i)
            {
                const int stage = i % STAGES;
                if (i >= STAGES) wait(empty + stage * 8, (i / STAGES + 1) % 2);
                copy(x + stage * TILES * TILE_BYTES, from + (size_t)min(i, count - 1) * ROWS * CHUNK, TILES * TILE_BYTES, full + stage * 8);
            }
        }
        return;
    }

    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(REGISTERS));
    float sum[TILES][SUMS] = {};
    const int own = firstOutput + warp * 16 + group;
    const signed char* weights = weight + (size_t)begin * CHUNK + part * 16;
    multiply(sum, weights + (size_t)min(own, outputs - 1) * inputs, weights + (size_t)min(own + 8, outputs - 1) * inputs, count, x, full, empty);
    wait_for_previous(); // and all before it, which may have used what is written from here on
    if (splits > 1 && !gather(sum, partial + (size_t)tile * splits * (ROWS * OUTPUTS / 4), arrivals + tile, split, splits)) return;

    // Through shared memory, so that neighbouring outputs are stored together: [ROWS][OUTPUTS].
    float* sums = reinterpret_cast<float*>(memory + skipped);
    meet_multipliers(); // nobody reads x any more
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int i = 0; i < SUMS; ++i) sums[(t * TILE + i / 4 * 8 + part * 2 + i % 2) * STRIDE + warp * 16 + group + i / 2 % 2 * 8] = sum[t][i];
    meet_multipliers();
    for (int i = threadIdx.x; i < ROWS * OUTPUTS / 4; i += 32 * WARPS)
    {
        const int at = i / (OUTPUTS / 4), row = block * ROWS + at, column = i % (OUTPUTS / 4) * 4, output = firstOutput + column;
        if (row >= rows) break;
        if (output >= outputs) continue;
        const float4 some = *reinterpret_cast<const float4*>(sums + at * STRIDE + column);
        const float values[4] = {some.x, some.y, some.z, some.w};
        number* to = result + (size_t)row * outputs + output;
#pragma unroll
        for (int k = 0; k < 4; ++k)
        {
            float value = values[k] * widen(scales[output + k]);
            if (bias != nullptr) value += widen(bias[output + k]);
            to[k] = narrow(add ? widen(to[k]) + value : value);
        }
    }
}
