// few — products of a decoding step's rows, as fast as weights can be read. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   weight   stored [outputs, inputs]    int8 or number
//   scales   number [outputs]            what a row of int8 weights is to be multiplied with; not read for numbers
//   bias     number [outputs]            or null
//   result   number [rows, outputs]      what is there is added to where `add` is not 0
//
// few       result = (add ? result : 0) + scales · (x · weightᵀ) + bias for up to 8 · ROW_TILES rows, summed in float32 in a fixed order, one rounding at the
//           store. Reads outputs · inputs weights once; x comes from the caches. Grid up to outputs / OUTPUTS, block (32, WARPS), shared memory as
//           FewRowsShape says; inputs % CHUNK == 0 and outputs % OUTPUTS == 0, checked by FewRowsKernel, the only caller. A block takes every
//           gridDim.x-th tile of OUTPUTS outputs; its warps share the inputs, and meet in shared memory.
// Stream    Each lane has DEPTH chunks of weights under way to its own part of shared memory, across the ends of tiles, and asks for the first of them,
//           which no kernel writes, before it waits for the kernel in front: memory never rests. No lane reads another's part, so none waits for another.
// Order     mma.sync m16n8k16 with weights as A and rows as B: the order of a chunk's inputs is free as long as both sides have the same, so a lane takes
//           16 neighbouring bytes of weights in one copy and has with them its part of several products.
//   STORED_BITS 8 or 16; OUTPUTS 16 or 32; WARPS; DEPTH; ROW_TILES; AHEAD, the chunks of x under way; BLOCKS, of a multiprocessor;
//   SHARED_BYTES, of a block: macros
// Oracle    DequantizedLinear and DenseLinear, in float32.

#if STORED_BITS == 8
typedef signed char stored;
#else
typedef number stored;
#endif

constexpr int THREADS = 32 * WARPS;
constexpr int PIECE = 16;                        // bytes of a lane's copy
constexpr int CHUNK = 4 * PIECE / sizeof(stored); // inputs that four lanes take
constexpr int PIECES = OUTPUTS / 8;              // of a chunk: a lane has outputs g, g + 8, …
constexpr int X_PIECES = CHUNK / 4 * sizeof(number) / PIECE;
constexpr int STRIDE = OUTPUTS + 1;              // of sums: their stores meet few banks twice
constexpr int SUMS = WARPS * 8 * ROW_TILES * STRIDE;

static_assert(DEPTH * PIECES * THREADS * PIECE + 2 * SUMS * sizeof(float) == SHARED_BYTES, "FewRowsShape counts as this does");

// A lane's weights on their way, chunk after chunk, tile after tile.
struct Weights
{
    uint4* ring;
    const char* row; // output g of the tile, at this lane's part of its first chunk
    size_t rowBytes, roundBytes;
    int tilesLeft, chunk, chunks, asked, taken;

    __device__ __forceinline__ void ask()
    {
        if (tilesLeft > 0)
        {
            const bool isThere = chunk < chunks; // else zeros: all warps take as many chunks
#pragma unroll
            for (int i = 0; i < PIECES; ++i)
                asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
                    :: "r"((unsigned)__cvta_generic_to_shared(ring + (asked * PIECES + i) * THREADS)),
                       "l"(row + i * 8 * rowBytes + (isThere ? chunk * 4 * PIECE : 0)), "r"(isThere ? PIECE : 0) : "memory");
            asked = asked + 1 == DEPTH ? 0 : asked + 1;
            chunk += WARPS;
            if (chunk - (int)threadIdx.y >= chunks)
            {
                chunk = threadIdx.y;
                row += roundBytes;
                --tilesLeft;
            }
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
    }

    __device__ __forceinline__ void take(uint4 (&to)[PIECES])
    {
        asm volatile("cp.async.wait_group %0;" :: "n"(DEPTH - 1) : "memory");
#pragma unroll
        for (int i = 0; i < PIECES; ++i) to[i] = ring[(taken * PIECES + i) * THREADS];
        taken = taken + 1 == DEPTH ? 0 : taken + 1;
    }
};

// A lane's part of the rows, chunk after chunk, again for each tile.
struct Rows
{
    const number* x;
    int rows, inputs, chunk, chunks;

    __device__ __forceinline__ void ask(uint4 (&to)[ROW_TILES][X_PIECES])
    {
#pragma unroll
        for (int t = 0; t < ROW_TILES; ++t)
        {
            const bool isThere = t * 8 + (int)threadIdx.x / 4 < rows && chunk < chunks;
            const uint4* from = reinterpret_cast<const uint4*>(x + (size_t)t * 8 * inputs + chunk * CHUNK);
#pragma unroll
            for (int i = 0; i < X_PIECES; ++i) to[t][i] = isThere ? from[i] : make_uint4(0, 0, 0, 0);
        }
        chunk += WARPS;
        if (chunk - (int)threadIdx.y >= chunks) chunk = threadIdx.y;
    }
};

// sum += weights · rows for outputs g and g + 8.
__device__ __forceinline__ void multiply(float (&sum)[ROW_TILES][4], uint4 low, uint4 high, const uint4 (&x)[ROW_TILES][X_PIECES])
{
    const unsigned l[4] = {low.x, low.y, low.z, low.w}, h[4] = {high.x, high.y, high.z, high.w};
#pragma unroll
    for (int k = 0; k < 2 * X_PIECES; ++k)
    {
        unsigned a[4];
#if STORED_BITS == 8
        to_numbers(l[k], a[0], a[2]);
        to_numbers(h[k], a[1], a[3]);
#else
        a[0] = l[2 * k];
        a[1] = h[2 * k];
        a[2] = l[2 * k + 1];
        a[3] = h[2 * k + 1];
#endif
#pragma unroll
        for (int t = 0; t < ROW_TILES; ++t)
        {
            const uint4 pair = x[t][k / 2];
            multiply_add(sum[t], a, k % 2 ? pair.z : pair.x, k % 2 ? pair.w : pair.y);
        }
    }
}

// Leaves a warp's sums for the others, and begins new ones.
__device__ __forceinline__ void leave(float (&sum)[OUTPUTS / 16][ROW_TILES][4], float* sums)
{
    const int group = threadIdx.x / 4, part = threadIdx.x % 4;
#pragma unroll
    for (int m = 0; m < OUTPUTS / 16; ++m)
#pragma unroll
        for (int t = 0; t < ROW_TILES; ++t)
        {
            float* to = sums + (threadIdx.y * 8 * ROW_TILES + t * 8 + part * 2) * STRIDE + m * 16 + group;
            to[0] = sum[m][t][0];
            to[STRIDE] = sum[m][t][1];
            to[8] = sum[m][t][2];
            to[STRIDE + 8] = sum[m][t][3];
#pragma unroll
            for (int i = 0; i < 4; ++i) sum[m][t][i] = 0.0f;
        }
}

__device__ __forceinline__ void store(const float* sums, const number* scales, const number* bias, number* result, int firstOutput, int rows, int outputs, int add)
{
    for (int i = threadIdx.y * 32 + threadIdx.x; i < rows * OUTPUTS; i += THREADS)
    {
        const int output = i % OUTPUTS, row = i / OUTPUTS, at = firstOutput + output;
        float value = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) value += sums[(w * 8 * ROW_TILES + row) * STRIDE + output];
#if STORED_BITS == 8
        value *= widen(scales[at]);
#endif
        if (bias != nullptr) value += widen(bias[at]);
        number* to = result + (size_t)row * outputs + at;
        *to = narrow(add ? widen(*to) + value : value);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
few(const number* x, const stored* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, number* result, int rows, int outputs,
    int inputs, int add)
{
    extern __shared__ uint4 memory[];
    float* sums = reinterpret_cast<float*>(memory + DEPTH * PIECES * THREADS); // twice, in turn: so one meeting a tile is enough
    let_next_begin();

    const int group = threadIdx.x / 4, part = threadIdx.x % 4, warp = threadIdx.y, chunks = inputs / CHUNK, tiles = outputs / OUTPUTS;
    const int ownTiles = (tiles - (int)blockIdx.x + (int)gridDim.x - 1) / (int)gridDim.x, turns = (chunks + WARPS - 1) / WARPS;
    const size_t rowBytes = inputs * sizeof(stored);
    Weights weights{memory + warp * 32 + threadIdx.x, reinterpret_cast<const char*>(weight) + (size_t)(blockIdx.x * OUTPUTS + group) * rowBytes + part * PIECE,
                    rowBytes, gridDim.x * OUTPUTS * rowBytes, ownTiles, warp, chunks, 0, 0};
#pragma unroll
    for (int i = 0; i < DEPTH; ++i) weights.ask();
    wait_for_previous();

    Rows own{x + (size_t)group * inputs + part * (CHUNK / 4), rows, inputs, warp, chunks};
    uint4 ahead[AHEAD][ROW_TILES][X_PIECES];
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) own.ask(ahead[i]);

    float sum[OUTPUTS / 16][ROW_TILES][4] = {};
    int turn = 0, tile = 0;
    for (int first = 0; first < ownTiles * turns; first += AHEAD)
    {
#pragma unroll
        for (int i = 0; i < AHEAD; ++i)
        {
            if (first + i >= ownTiles * turns) break;
            uint4 taken[PIECES];
            weights.take(taken);
#pragma unroll
            for (int m = 0; m < OUTPUTS / 16; ++m) multiply(sum[m], taken[2 * m], taken[2 * m + 1], ahead[i]);
            weights.ask();
            own.ask(ahead[i]);
            if (++turn < turns) continue;

            float* shared = sums + tile % 2 * SUMS;
            leave(sum, shared);
            __syncthreads();
            store(shared, scales, bias, result, (blockIdx.x + tile * gridDim.x) * OUTPUTS, rows, outputs, add);
            turn = 0;
            ++tile;
        }
    }
}
