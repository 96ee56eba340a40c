// few_at_once — `few` of fewrows.cu, which has the arguments, for int8 weights of so few outputs that no block has more than one tile. NUMBER_TYPE is 1 or 2.
//
// few_at_once  result = scales · (x · weightᵀ) + bias, ended as `end` says, for up to 8 rows, summed in float32 in a fixed order, one rounding at the store.
//           Grid outputs / OUTPUTS, block (32, WARPS), shared memory as FewRowsShape says; inputs % CHUNK == 0, outputs % OUTPUTS == 0 and
//           inputs <= (DEPTH + HELD) · WARPS · CHUNK, checked by FewRowsKernel, the only caller.
// Halves    Such a product is read in some microseconds, and as many pass from the end of the kernel in front to the result: taking x, multiplying, meeting,
//           storing, ending. So a block has all its weights before it waits for that kernel, and takes no more than half of a multiprocessor, where the next
//           launch's block has its own brought in the meantime: memory never rests.
// Under way Few copies at a time. What is wanted at once, x and the block's own store, stands in line behind what the other half has asked for.
// Raised    A weight has 128 added as soon as it is there, while nothing waits for it: a third of what making numbers of it costs in front of the product.
//   STORED_BITS 8; OUTPUTS 32; WARPS; DEPTH, chunks in shared memory; HELD, chunks in registers; AHEAD, a lane's copies under way; ROW_TILES 1; BLOCKS, of a
//   multiprocessor; SHARED_BYTES, of a block: macros
// Oracle    DequantizedLinear, in float32.

#include "fewrows.cuh"

constexpr int TURNS = DEPTH + HELD; // chunks of a warp

static_assert(STORED_BITS == 8 && ROW_TILES == 1, "others are few's");
static_assert(DEPTH * PIECES * THREADS * PIECE == SHARED_BYTES && SUMS * sizeof(float) <= SHARED_BYTES, "FewRowsShape counts as this does");
static_assert(THREADS >= 8 * OUTPUTS, "a thread stores one result at most");
static_assert(HELD <= DEPTH, "as many are multiplied in turn");

__device__ __forceinline__ uint4 raise(uint4 weights) { return make_uint4(raise(weights.x), raise(weights.y), raise(weights.z), raise(weights.w)); }

// A lane's weights of a chunk; zeros where the warp has none.
__device__ __forceinline__ void load_chunk(uint4 (&to)[PIECES], const char* chunk, int rowBytes, bool isThere)
{
#pragma unroll
    for (int i = 0; i < PIECES; ++i)
        to[i] = isThere ? load_once(chunk + (size_t)i * 8 * rowBytes) : make_uint4(0, 0, 0, 0);
}

// Raises a chunk here and now: who goes on has waited for it.
__device__ __forceinline__ void raise_now(uint4 (&chunk)[PIECES])
{
#pragma unroll
    for (int i = 0; i < PIECES; ++i) chunk[i] = raise(chunk[i]);
#pragma unroll
    for (int i = 0; i < PIECES; ++i) asm volatile("" : "+r"(chunk[i].x) :: "memory");
}

__device__ __forceinline__ number load_now(const number* from)
{
    number value;
    asm volatile("ld.global.nc.u16 %0, [%1];" : "=h"(value) : "l"(from));
    return value;
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
few_at_once(const number* x, const stored* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, number* result, int rows,
            int outputs, int inputs, int end)
{
    extern __shared__ uint4 memory[];
    let_next_begin();

    // What no kernel writes.
    const int group = threadIdx.x / 4, part = threadIdx.x % 4, warp = threadIdx.y;
    const int turns = (inputs / CHUNK - warp + WARPS - 1) / WARPS; // this warp's
    const char* own = reinterpret_cast<const char*>(weight) + (size_t)(blockIdx.x * OUTPUTS + group) * inputs + warp * CHUNK + part * PIECE;
    const int output = threadIdx.x % OUTPUTS, row = (warp * 32 + threadIdx.x) / OUTPUTS, at = blockIdx.x * OUTPUTS + output; // of this thread's result
    const number scale = load_now(scales + at), offset = bias == nullptr ? 0 : load_now(bias + at);

    uint4 held[HELD][PIECES];
#pragma unroll
    for (int d = 0; d < HELD; ++d)
    {
        load_chunk(held[d], own + (DEPTH + d) * WARPS * CHUNK, inputs, DEPTH + d < turns);
        if (d > 0) raise_now(held[d - 1]);
    }

    uint4* rest = memory + warp * 32 + threadIdx.x;
#pragma unroll
    for (int d = 0; d < DEPTH; ++d)
#pragma unroll
        for (int i = 0; i < PIECES; ++i)
        {
            copy_ahead(rest + (d * PIECES + i) * THREADS, own + (size_t)i * 8 * inputs + (d < turns ? d * WARPS * CHUNK : 0), d < turns);
            end_group();
            wait_for_groups<AHEAD - 1>();
        }

    wait_for_groups<0>();
#pragma unroll 1
    for (int d = 0; d < DEPTH; ++d)
#pragma unroll
        for (int i = 0; i < PIECES; ++i) rest[(d * PIECES + i) * THREADS] = raise(rest[(d * PIECES + i) * THREADS]);
    raise_now(held[HELD - 1]);

    // What earlier kernels write.
    wait_for_previous();
    number* to = result + (size_t)row * outputs + at;
    const float there = end == ADDED && row < rows ? widen(*to) : 0.0f;
    uint4 ahead[TURNS][1][X_PIECES];
#pragma unroll
    for (int i = 0; i < TURNS; ++i)
    {
        const int d = i >= 2 * HELD ? i - HELD : i % 2 * DEPTH + i / 2; // as they are multiplied
        const bool isThere = group < rows && d < turns;
        const uint4* from = reinterpret_cast<const uint4*>(x + (size_t)group * inputs + (warp + d * WARPS) * CHUNK + part * (CHUNK / 4));
#pragma unroll
        for (int p = 0; p < X_PIECES; ++p) ahead[d][0][p] = isThere ? from[p] : make_uint4(0, 0, 0, 0);
    }

    float sum[OUTPUTS / 16][1][4] = {};
#pragma unroll
    for (int d = 0; d < DEPTH; ++d)
    {
#pragma unroll
        for (int m = 0; m < OUTPUTS / 16; ++m)
            multiply<true>(sum[m], rest[(d * PIECES + 2 * m) * THREADS], rest[(d * PIECES + 2 * m + 1) * THREADS], ahead[d]);
        if (d >= HELD) continue;
#pragma unroll
        for (int m = 0; m < OUTPUTS / 16; ++m) multiply<true>(sum[m], held[d][2 * m], held[d][2 * m + 1], ahead[DEPTH + d]); // while the next come from shared memory
    }

    float* sums = reinterpret_cast<float*>(memory);
    __syncthreads(); // all have taken their weights from there
    leave(sum, sums);
    __syncthreads();
    if (row < rows) *to = ended(total(sums, row, output) * widen(scale) + widen(offset), there, end);
}
