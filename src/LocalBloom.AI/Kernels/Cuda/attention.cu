// append, attend — BLOOM's attention over a cache of blocks, for a step's rows of any sequences.
//
//   qkv     number [rows, heads, (q, k, v), HEAD_DIM]   the fused projection, interleaved per head
//   keys    number [slots, heads, HEAD_DIM]             values likewise
//   rows    int2   [rows]      x: the row's position in its sequence, y: where its sequence's blocks begin in `blocks`
//   blocks  int    [..]        position p of a sequence is in slot blocks[p / BLOCK_SIZE] * BLOCK_SIZE + p % BLOCK_SIZE
//   slopes  float  [heads]     ALiBi
//   result  number [rows, heads, HEAD_DIM]
//
// result = softmax(q·k / sqrt(HEAD_DIM) + slope * (key position - query position)) · v over positions 0 … the row's own, in float32, one
// rounding at the store. append must have run for the step before attend: rows of a prompt see each other's keys. Where no sequence has more than one row
// attend itself does it, told by `appends`.
//
// Launch  append: grid rows, block 256. attend: grid (parts · heads, rows), block (32, WARPS); the warps of all parts take tiles of 32 keys in
//         turn, a lane a key, with a running maximum (Milakov, Gimelshein 2018); warps meet in shared memory. Of several parts (Flash-Decoding: Dao
//         2023) each leaves what it has in `partial`, and the last to come adds them up in their order. HEAD_DIM * sizeof(number) % 16 == 0 is
//         checked by AttentionKernel, the only caller.
//           partial   float [rows, heads, parts, 2 + HEAD_DIM]   largest score, weight, weighted values
//           arrivals  int   [rows, heads]                        zeros before and after
// Cost    attend reads 2 · length · HEAD_DIM numbers a row and head; rows of one prompt share them through the caches only.
// Oracle  TorchOps.AppendAttend.

#include "common.cuh"

constexpr int WARPS = 8;
constexpr int TILE = 32;
constexpr int TOGETHER = 16; // values that a lane waits for at once
constexpr int DIMS = (HEAD_DIM + 31) / 32; // of the result that a lane keeps
constexpr bool NEIGHBOURS = HEAD_DIM % 32 == 0 && (DIMS & (DIMS - 1)) == 0 && DIMS <= PER_LOAD; // so that one load has them; else lane, lane + 32, …

static_assert(TILE % TOGETHER == 0, "a lane asks others of its warp alone");

__device__ __forceinline__ int dim_of(int lane, int i) { return NEIGHBOURS ? lane * DIMS + i : lane + 32 * i; }

// A lane's part of a value, or zeros.
struct alignas(NEIGHBOURS ? DIMS * sizeof(number) : sizeof(number)) Part
{
    number dims[DIMS];

    __device__ __forceinline__ void load(const number* from, int lane, bool isThere)
    {
#pragma unroll
        for (int i = 0; i < DIMS; ++i) dims[i] = 0;
        if (!isThere) return;
        if constexpr (NEIGHBOURS) *this = *reinterpret_cast<const Part*>(from + lane * DIMS);
        else
        {
#pragma unroll
            for (int i = 0; i < DIMS; ++i)
                if (dim_of(lane, i) < HEAD_DIM) dims[i] = from[dim_of(lane, i)];
        }
    }
};

// Values of TOGETHER of a tile's keys from `first` on; `at` is where the lane's own key has them.
__device__ __forceinline__ void load_values(Part (&to)[TOGETHER], const number* values, size_t at, int first, int count)
{
#pragma unroll
    for (int j = 0; j < TOGETHER; ++j)
        to[j].load(values + __shfl_sync(0xffffffffu, (unsigned long long)at, first + j), threadIdx.x, first + j < count);
}

__device__ __forceinline__ int slot_of(int2 row, int position, const int* blocks)
{
    return blocks[row.y + position / BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE;
}

extern "C" __global__ void __launch_bounds__(256)
append(const number* qkv, number* keys, number* values, const int2* rows, const int* blocks, int heads)
{
    follow();
    constexpr int LOADS = HEAD_DIM / PER_LOAD; // of a head
    const int2 row = rows[blockIdx.x];
    const int slot = slot_of(row, row.x, blocks);
    const uint4* from = reinterpret_cast<const uint4*>(qkv) + (size_t)blockIdx.x * heads * 3 * LOADS;
    const size_t to = (size_t)slot * heads * LOADS;
    for (int i = threadIdx.x; i < heads * LOADS; i += blockDim.x)
    {
        const int at = i / LOADS * 3 * LOADS + i % LOADS;
        reinterpret_cast<uint4*>(keys)[to + i] = from[at + LOADS];
        reinterpret_cast<uint4*>(values)[to + i] = from[at + 2 * LOADS];
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
attend(const number* qkv, number* keys, number* values, const int2* rows, const int* blocks, const float* __restrict__ slopes, number* result,
       float* partial, int* arrivals, int heads, int parts, int appends)
{
    __shared__ float query[HEAD_DIM];
    __shared__ float largest[WARPS], total[WARPS], sums[WARPS][HEAD_DIM];
    __shared__ bool isLast;
    follow();

    const int head = blockIdx.x % heads, part = blockIdx.x / heads, lane = threadIdx.x, warp = threadIdx.y;
    const int2 row = rows[blockIdx.y];
    const int length = row.x + 1;
    const float slope = slopes[head];
    const number* q = qkv + ((size_t)blockIdx.y * heads + head) * 3 * HEAD_DIM;
    for (int i = warp * 32 + lane; i < HEAD_DIM; i += 32 * WARPS) query[i] = widen(q[i]) * rsqrtf((float)HEAD_DIM);
    if (appends && row.x / (TILE * WARPS) % parts == part) // whose warps take the row's own position
    {
        constexpr int LOADS = HEAD_DIM / PER_LOAD;
        const size_t to = ((size_t)slot_of(row, row.x, blocks) * heads + head) * LOADS;
        for (int i = warp * 32 + lane; i < 2 * LOADS; i += 32 * WARPS)
            reinterpret_cast<uint4*>(i < LOADS ? keys : values)[to + i % LOADS] = reinterpret_cast<const uint4*>(q)[LOADS + i];
    }

    __syncthreads();

    float peak = -INFINITY_F, weight = 0.0f, sum[DIMS] = {};
    for (int first = (part * WARPS + warp) * TILE; first < length; first += parts * WARPS * TILE)
    {
        const int position = first + lane, count = min(TILE, length - first);
        const bool isThere = position < length;
        const size_t at = isThere ? ((size_t)slot_of(row, position, blocks) * heads + head) * HEAD_DIM : 0;
        Part v[TOGETHER];
        load_values(v, values, at, 0, count); // on their way while scores are made
        float score = -INFINITY_F;
        if (isThere)
        {
            score = slope * (float)(position - row.x);
#pragma unroll
            for (int i = 0; i < HEAD_DIM; i += PER_LOAD)
            {
                float k[PER_LOAD];
                load(keys + at + i, k);
#pragma unroll
                for (int j = 0; j < PER_LOAD; ++j) score = fmaf(query[i + j], k[j], score);
            }
        }

        const float newPeak = fmaxf(peak, warp_max(score));
        const float p = expf(score - newPeak);
        const float shrink = expf(peak - newPeak);
        weight = weight * shrink + warp_sum(p);
        peak = newPeak;
#pragma unroll
        for (int i = 0; i < DIMS; ++i) sum[i] *= shrink;

        for (int k = 0; k < count; k += TOGETHER)
        {
            if (k > 0) load_values(v, values, at, k, count);
#pragma unroll
            for (int j = 0; j < TOGETHER; ++j)
            {
                const float pk = __shfl_sync(0xffffffffu, p, k + j);
#pragma unroll
                for (int i = 0; i < DIMS; ++i) sum[i] = fmaf(pk, widen(v[j].dims[i]), sum[i]);
            }
        }
    }

    if (lane == 0) { largest[warp] = peak; total[warp] = weight; }
#pragma unroll
    for (int i = 0; i < DIMS; ++i)
    {
        if (HEAD_DIM % 32 == 0 || dim_of(lane, i) < HEAD_DIM) sums[warp][dim_of(lane, i)] = sum[i];
    }
    __syncthreads();

    float all = -INFINITY_F, norm = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) all = fmaxf(all, largest[w]);
    const float base = all == -INFINITY_F ? 0.0f : all; // a part may have no keys of a short row
#pragma unroll
    for (int w = 0; w < WARPS; ++w) norm += total[w] * expf(largest[w] - base); // a warp without keys has -inf and counts nothing
    const int at = blockIdx.y * heads + head;
    float* own = partial + ((size_t)at * parts + part) * (2 + HEAD_DIM);
    for (int i = warp * 32 + lane; i < HEAD_DIM; i += 32 * WARPS)
    {
        float value = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) value += sums[w][i] * expf(largest[w] - base);
        if (parts == 1) result[(size_t)at * HEAD_DIM + i] = narrow(value / norm);
        else own[2 + i] = value;
    }
    if (parts == 1) return;

    const bool isFirstThread = warp == 0 && lane == 0;
    if (isFirstThread) { own[0] = all; own[1] = norm; }
    __threadfence();
    __syncthreads();
    if (isFirstThread)
    {
        isLast = atomicAdd(arrivals + at, 1) == parts - 1;
        if (isLast) arrivals[at] = 0;
        __threadfence();
    }
    __syncthreads();
    if (!isLast) return;

    const float* each = partial + (size_t)at * parts * (2 + HEAD_DIM);
    all = -INFINITY_F, norm = 0.0f;
    for (int p = 0; p < parts; ++p) all = fmaxf(all, __ldcg(each + p * (2 + HEAD_DIM)));
    for (int p = 0; p < parts; ++p) norm += __ldcg(each + p * (2 + HEAD_DIM) + 1) * expf(__ldcg(each + p * (2 + HEAD_DIM)) - all);
    for (int i = warp * 32 + lane; i < HEAD_DIM; i += 32 * WARPS)
    {
        float value = 0.0f;
        for (int p = 0; p < parts; ++p) value += __ldcg(each + p * (2 + HEAD_DIM) + 2 + i) * expf(__ldcg(each + p * (2 + HEAD_DIM)) - all);
        result[(size_t)at * HEAD_DIM + i] = narrow(value / norm);
    }
}
