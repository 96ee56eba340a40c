// What `few` of fewrows.cu and `few_at_once` of fewtiles.cu share: both multiply a tile of OUTPUTS outputs with up to 8 · ROW_TILES rows by WARPS warps, which
// share the tile's inputs and meet in shared memory.
//
// Order     mma.sync m16n8k16 with weights as A and rows as B: the order of a chunk's inputs is free as long as both sides have the same, so a lane takes
//           16 neighbouring bytes of weights in one copy and has with them its part of several products.

#include "common.cuh"

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

// Begins to copy a piece of weights; zeros where it is not there.
__device__ __forceinline__ void copy_ahead(uint4* to, const char* from, bool isThere)
{
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
        :: "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(isThere ? PIECE : 0) : "memory");
}

// Ends a group of copies, so that they can be waited for together.
__device__ __forceinline__ void end_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until no more than so many of a lane's groups are under way.
template <int LEFT>
__device__ __forceinline__ void wait_for_groups()
{
    asm volatile("cp.async.wait_group %0;" :: "n"(LEFT) : "memory");
}

// sum += weights · rows for outputs g and g + 8.
template <bool AreRaised = false>
__device__ __forceinline__ void multiply(float (&sum)[ROW_TILES][4], uint4 low, uint4 high, const uint4 (&x)[ROW_TILES][X_PIECES])
{
    const unsigned l[4] = {low.x, low.y, low.z, low.w}, h[4] = {high.x, high.y, high.z, high.w};
#pragma unroll
    for (int k = 0; k < 2 * X_PIECES; ++k)
    {
        unsigned a[4];
#if STORED_BITS == 8
        raised_to_numbers(AreRaised ? l[k] : raise(l[k]), a[0], a[2]);
        raised_to_numbers(AreRaised ? h[k] : raise(h[k]), a[1], a[3]);
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

// What all warps left.
__device__ __forceinline__ float total(const float* sums, int row, int output)
{
    float value = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) value += sums[(w * 8 * ROW_TILES + row) * STRIDE + output];
    return value;
}

// What becomes of a product with its bias: `end`, as FewRowsEnd has it.
constexpr int STORED = 0;
constexpr int ADDED = 1;     // to what is there
constexpr int ACTIVATED = 2; // by gelu, after it has been rounded: as if gelu had a kernel of its own

__device__ __forceinline__ number ended(float product, float there, int end)
{
    return narrow(end == ADDED ? there + product : end == ACTIVATED ? gelu_of(widen(narrow(product))) : product);
}
