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
// rounding at the store. append must have run for the step before attend: rows of a prompt see each other's keys.
//
// Launch  append: grid rows, block 256. attend: grid (heads, rows), block (32, WARPS); each warp takes every WARPS-th tile of 32 keys, a lane
//         a key, with a running maximum (Milakov, Gimelshein 2018); warps meet in shared memory. HEAD_DIM * sizeof(number) % 16 == 0 is
//         checked by AttentionKernel, the only caller.
// Cost    attend reads 2 · length · HEAD_DIM numbers a row and head; rows of one prompt share them through the caches only, so that long
//         prompts are better off with matrix products.
// Oracle  TorchOps.AppendAttend.

constexpr int WARPS = 8;
constexpr int TILE = 32;
constexpr int DIMS = (HEAD_DIM + 31) / 32; // of the result that a lane keeps: lane, lane + 32, …

extern "C" __global__ void __launch_bounds__(256)
append(const number* __restrict__ qkv, number* __restrict__ keys, number* __restrict__ values,
       const int2* __restrict__ rows, const int* __restrict__ blocks, int heads)
{
    const int2 row = rows[blockIdx.x];
    const int slot = blocks[row.y + row.x / BLOCK_SIZE] * BLOCK_SIZE + row.x % BLOCK_SIZE;
    const number* from = qkv + (size_t)blockIdx.x * heads * 3 * HEAD_DIM;
    const size_t to = (size_t)slot * heads * HEAD_DIM;
    for (int i = threadIdx.x; i < heads * HEAD_DIM; i += blockDim.x)
    {
        const int at = i / HEAD_DIM * 3 * HEAD_DIM + i % HEAD_DIM;
        keys[to + i] = from[at + HEAD_DIM];
        values[to + i] = from[at + 2 * HEAD_DIM];
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
attend(const number* __restrict__ qkv, const number* __restrict__ keys, const number* __restrict__ values,
       const int2* __restrict__ rows, const int* __restrict__ blocks, const float* __restrict__ slopes, number* __restrict__ result, int heads)
{
    __shared__ float query[HEAD_DIM];
    __shared__ float largest[WARPS], total[WARPS], sums[WARPS][HEAD_DIM];

    const int head = blockIdx.x, lane = threadIdx.x, warp = threadIdx.y;
    const int2 row = rows[blockIdx.y];
    const int length = row.x + 1;
    const float slope = slopes[head];
    const number* q = qkv + ((size_t)blockIdx.y * heads + head) * 3 * HEAD_DIM;
    for (int i = warp * 32 + lane; i < HEAD_DIM; i += 32 * WARPS) query[i] = widen(q[i]) * rsqrtf((float)HEAD_DIM);
    __syncthreads();

    float peak = -INFINITY_F, weight = 0.0f, sum[DIMS] = {};
    for (int first = warp * TILE; first < length; first += WARPS * TILE)
    {
        const int position = first + lane;
        size_t at = 0;
        float score = -INFINITY_F;
        if (position < length)
        {
            at = ((size_t)(blocks[row.y + position / BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE) * heads + head) * HEAD_DIM;
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

        const int count = min(TILE, length - first);
        for (int k = 0; k < count; ++k)
        {
            const float pk = __shfl_sync(0xffffffffu, p, k);
            const number* v = values + __shfl_sync(0xffffffffu, (unsigned long long)at, k);
#pragma unroll
            for (int i = 0; i < DIMS; ++i)
            {
                const int d = lane + 32 * i;
                if (HEAD_DIM % 32 == 0 || d < HEAD_DIM) sum[i] = fmaf(pk, widen(v[d]), sum[i]);
            }
        }
    }

    if (lane == 0) { largest[warp] = peak; total[warp] = weight; }
#pragma unroll
    for (int i = 0; i < DIMS; ++i)
    {
        if (HEAD_DIM % 32 == 0 || lane + 32 * i < HEAD_DIM) sums[warp][lane + 32 * i] = sum[i];
    }
    __syncthreads();

    float all = -INFINITY_F, norm = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) all = fmaxf(all, largest[w]);
#pragma unroll
    for (int w = 0; w < WARPS; ++w) norm += total[w] * expf(largest[w] - all); // a warp without keys has -inf and counts nothing
    for (int i = warp * 32 + lane; i < HEAD_DIM; i += 32 * WARPS)
    {
        float value = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) value += sums[w][i] * expf(largest[w] - all);
        result[((size_t)blockIdx.y * heads + head) * HEAD_DIM + i] = narrow(value / norm);
    }
}
