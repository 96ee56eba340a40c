// append, attend, attend_prompt — BLOOM's attention over a cache of blocks, for a step's rows of any sequences.
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
// Launch  append: grid rows, block 256. attend: grid (parts · heads, rows), block (32, WARPS); the warps of all parts take tiles of 32 keys in
//         turn, a lane a key, with a running maximum (Milakov, Gimelshein 2018); warps meet in shared memory. Of several parts (Flash-Decoding: Dao
//         2023) each leaves what it has in `partial`, and the last to come adds them up in their order. HEAD_DIM * sizeof(number) % 16 == 0 is
//         checked by AttentionKernel, the only caller.
//           partial   float [rows, heads, parts, 2 + HEAD_DIM]   largest score, weight, weighted values
//           arrivals  int   [rows, heads]                        zeros before and after
//         attend_prompt: for `count` rows of one sequence that follow each other; grid (heads, ceil(count / 64)), block 128. 64 rows share what is read
//         of the cache; a warp has 16 of them, and all keys in tiles of 64 (FlashAttention-2: Dao 2023), on the tensor cores. Only there are
//         probabilities split into two 16-bit numbers, whose sum is as good as the float32 they come from: times 2^14, so that float16 has small ones,
//         too. NUMBER_TYPE 1 or 2, HEAD_DIM % 16 == 0 and at most 128; compute capability 8.0.
// Cost    attend reads 2 · length · HEAD_DIM numbers a row and head; rows of one prompt share them through the caches only.
// Oracle  TorchOps.AppendAttend.

constexpr int WARPS = 8;
constexpr int TILE = 32;
constexpr int DIMS = (HEAD_DIM + 31) / 32; // of the result that a lane keeps: lane, lane + 32, …

extern "C" __global__ void __launch_bounds__(256)
append(const number* qkv, number* keys, number* values, const int2* rows, const int* blocks, int heads)
{
    follow();
    constexpr int LOADS = HEAD_DIM / PER_LOAD; // of a head
    const int2 row = rows[blockIdx.x];
    const int slot = blocks[row.y + row.x / BLOCK_SIZE] * BLOCK_SIZE + row.x % BLOCK_SIZE;
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
attend(const number* qkv, const number* keys, const number* values, const int2* rows, const int* blocks, const float* __restrict__ slopes, number* result,
       float* partial, int* arrivals, int heads, int parts)
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
    __syncthreads();

    float peak = -INFINITY_F, weight = 0.0f, sum[DIMS] = {};
    for (int first = (part * WARPS + warp) * TILE; first < length; first += parts * WARPS * TILE)
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

#if NUMBER_TYPE != 0 && HEAD_DIM % 16 == 0 && HEAD_DIM <= 128 && __CUDA_ARCH__ >= 800

constexpr int PROMPT_WARPS = 4;
constexpr int PROMPT_ROWS = 16 * PROMPT_WARPS;
constexpr int KEYS = 64;               // of a tile
constexpr float SCALE = 16384.0f;      // of probabilities and their sum
constexpr int STRIDE = HEAD_DIM + 8;   // of a key in shared memory: neighbouring keys begin in other banks

__device__ __forceinline__ unsigned pair(number first, number second) { return (unsigned)first | (unsigned)second << 16; }

// Two floats as pairs of 16-bit numbers whose sum they are, nearly.
__device__ __forceinline__ void split(float first, float second, unsigned& upper, unsigned& lower)
{
    const number f = narrow(first), s = narrow(second);
    upper = pair(f, s);
    lower = pair(narrow(first - widen(f)), narrow(second - widen(s)));
}

// Keys' values as columns: of 16 keys and 16 dims, b0 and b1 of two products.
__device__ __forceinline__ void load_columns(const number* from, unsigned (&b)[4])
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3]) : "r"((unsigned)__cvta_generic_to_shared(from)) : "memory");
}

extern "C" __global__ void __launch_bounds__(32 * PROMPT_WARPS)
attend_prompt(const number* qkv, const number* keys, const number* values, const int2* rows, const int* blocks, const float* __restrict__ slopes,
              number* result, int heads, int count)
{
    __shared__ __align__(16) number k[KEYS * STRIDE], v[KEYS * STRIDE];
    follow();

    const int head = blockIdx.x, first = (gridDim.y - 1 - blockIdx.y) * PROMPT_ROWS; // the rows with most keys begin first
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const int2 place = rows[0];
    const int length = place.x + min(first + PROMPT_ROWS, count);
    const int own[2] = {first + warp * 16 + group, first + warp * 16 + group + 8}; // the lane's rows
    const float slope = slopes[head], unit = rsqrtf((float)HEAD_DIM);

    unsigned q[HEAD_DIM / 16][4];
#pragma unroll
    for (int i = 0; i < HEAD_DIM / 16; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
        {
            const unsigned* from = reinterpret_cast<const unsigned*>(qkv + ((size_t)own[j % 2] * heads + head) * 3 * HEAD_DIM) + i * 8 + part + j / 2 * 4;
            q[i][j] = own[j % 2] < count ? *from : 0;
        }

    float sum[HEAD_DIM / 8][4] = {}, peak[2] = {-INFINITY_F, -INFINITY_F}, weight[2] = {};
    for (int begin = 0; begin < length; begin += KEYS)
    {
        __syncthreads(); // the tile before has been read
        constexpr int LOADS = HEAD_DIM / PER_LOAD;
#pragma unroll 4
        for (int i = threadIdx.x; i < KEYS * LOADS; i += 32 * PROMPT_WARPS)
        {
            const int key = i / LOADS, position = begin + key, to = key * STRIDE + i % LOADS * PER_LOAD;
            uint4 one = make_uint4(0, 0, 0, 0), other = one;
            if (position < length)
            {
                const size_t at = ((size_t)(blocks[place.y + position / BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE) * heads + head) * LOADS + i % LOADS;
                one = reinterpret_cast<const uint4*>(keys)[at];
                other = reinterpret_cast<const uint4*>(values)[at];
            }
            *reinterpret_cast<uint4*>(k + to) = one;
            *reinterpret_cast<uint4*>(v + to) = other;
        }
        __syncthreads();

        float score[KEYS / 8][4] = {};
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
            for (int i = 0; i < HEAD_DIM / 16; ++i)
            {
                const unsigned* from = reinterpret_cast<const unsigned*>(k + (j * 8 + group) * STRIDE + i * 16) + part;
                multiply_add(score[j], q[i], from[0], from[4]);
            }

        float top[2] = {-INFINITY_F, -INFINITY_F};
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
            for (int c = 0; c < 4; ++c)
            {
                const int distance = begin + j * 8 + part * 2 + c % 2 - place.x - own[c / 2]; // of the key from the row
                score[j][c] = distance <= 0 ? fmaf(slope, (float)distance, score[j][c] * unit) : -INFINITY_F;
                top[c / 2] = fmaxf(top[c / 2], score[j][c]);
            }

        float shrink[2];
#pragma unroll
        for (int r = 0; r < 2; ++r)
        {
            top[r] = fmaxf(top[r], __shfl_xor_sync(0xffffffffu, top[r], 1));
            top[r] = fmaxf(top[r], __shfl_xor_sync(0xffffffffu, top[r], 2));
            top[r] = fmaxf(top[r], peak[r]);
            shrink[r] = expf(peak[r] - top[r]); // every row sees the first key, so that no peak is infinite
            peak[r] = top[r];
            weight[r] *= shrink[r];
        }
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
            for (int c = 0; c < 4; ++c)
            {
                score[j][c] = expf(score[j][c] - peak[c / 2]) * SCALE;
                weight[c / 2] += score[j][c];
            }
#pragma unroll
        for (int n = 0; n < HEAD_DIM / 8; ++n)
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[n][c] *= shrink[c / 2];

#pragma unroll
        for (int j = 0; j < KEYS / 16; ++j)
        {
            unsigned upper[4], lower[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) split(score[2 * j + i / 2][i % 2 * 2], score[2 * j + i / 2][i % 2 * 2 + 1], upper[i], lower[i]);
#pragma unroll
            for (int n = 0; n < HEAD_DIM / 16; ++n)
            {
                unsigned b[4];
                load_columns(v + (j * 16 + lane % 16) * STRIDE + n * 16 + lane / 16 * 8, b);
                multiply_add(sum[2 * n], upper, b[0], b[1]);
                multiply_add(sum[2 * n], lower, b[0], b[1]);
                multiply_add(sum[2 * n + 1], upper, b[2], b[3]);
                multiply_add(sum[2 * n + 1], lower, b[2], b[3]);
            }
        }
    }

#pragma unroll
    for (int r = 0; r < 2; ++r)
    {
        weight[r] += __shfl_xor_sync(0xffffffffu, weight[r], 1);
        weight[r] += __shfl_xor_sync(0xffffffffu, weight[r], 2);
        if (own[r] >= count) continue;
        unsigned* to = reinterpret_cast<unsigned*>(result + ((size_t)own[r] * heads + head) * HEAD_DIM) + part;
#pragma unroll
        for (int n = 0; n < HEAD_DIM / 8; ++n) to[n * 4] = pair(narrow(sum[n][2 * r] / weight[r]), narrow(sum[n][2 * r + 1] / weight[r]));
    }
}

#endif
