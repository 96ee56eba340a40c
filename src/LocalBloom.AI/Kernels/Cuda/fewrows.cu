// few — products of a decoding step's rows, as fast as weights can be read. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   weight   stored [outputs, inputs]    int8 or number
//   scales   number [outputs]            what a row of int8 weights is to be multiplied with; not read for numbers
//   bias     number [outputs]            or null
//   result   number [rows, outputs]
//
// few       result = scales · (x · weightᵀ) + bias, ended as `end` says, for up to 8 · ROW_TILES rows, summed in float32 in a fixed order, one rounding at the
//           store. Reads outputs · inputs weights once; x comes from the caches. Grid up to outputs / OUTPUTS, block (32, WARPS), shared memory as
//           FewRowsShape says; inputs % CHUNK == 0 and outputs % OUTPUTS == 0, checked by FewRowsKernel, the only caller. A block takes every
//           gridDim.x-th tile of OUTPUTS outputs; its warps share the inputs, and meet in shared memory.
// Stream    Each lane has DEPTH chunks of weights under way to its own part of shared memory, across the ends of tiles, and asks for the first of them,
//           which no kernel writes, before it waits for the kernel in front: memory never rests. No lane reads another's part, so none waits for another.
//   STORED_BITS 8 or 16; OUTPUTS 16 or 32; WARPS; DEPTH; ROW_TILES; AHEAD, the chunks of x under way; BLOCKS, of a multiprocessor;
//   SHARED_BYTES, of a block: macros
// Oracle    DequantizedLinear and DenseLinear, in float32.

#include "fewrows.cuh"

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
                copy_ahead(ring + (asked * PIECES + i) * THREADS, row + i * 8 * rowBytes + (isThere ? chunk * 4 * PIECE : 0), isThere);
            asked = asked + 1 == DEPTH ? 0 : asked + 1;
            chunk += WARPS;
            if (chunk - (int)threadIdx.y >= chunks)
            {
                chunk = threadIdx.y;
                row += roundBytes;
                --tilesLeft;
            }
        }
        end_group();
    }

    __device__ __forceinline__ void take(uint4 (&to)[PIECES])
    {
        wait_for_groups<DEPTH - 1>();
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

__device__ __forceinline__ void store(const float* sums, const number* scales, const number* bias, number* result, int firstOutput, int rows, int outputs, int end)
{
    for (int i = threadIdx.y * 32 + threadIdx.x; i < rows * OUTPUTS; i += THREADS)
    {
        const int output = i % OUTPUTS, row = i / OUTPUTS, at = firstOutput + output;
        float value = total(sums, row, output);
#if STORED_BITS == 8
        value *= widen(scales[at]);
#endif
        if (bias != nullptr) value += widen(bias[at]);
        number* to = result + (size_t)row * outputs + at;
        *to = ended(value, end == ADDED ? widen(*to) : 0.0f, end);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
few(const number* x, const stored* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, number* result, int rows, int outputs,
    int inputs, int end)
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
            store(shared, scales, bias, result, (blockIdx.x + tile * gridDim.x) * OUTPUTS, rows, outputs, end);
            turn = 0;
            ++tile;
        }
    }
}
