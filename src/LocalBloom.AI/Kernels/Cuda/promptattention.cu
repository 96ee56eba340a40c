// attend_prompt — attention.cu's attend for many rows of one sequence, which share the keys that they read: on tensor cores. NUMBER_TYPE is 1 or 2.
//
//   Arguments as there; `count` rows follow each other in the sequence, and `rows` begins with the first of them.
//
// Launch  grid (heads, ceil(count / 64)), block 128. A warp has 16 rows, and all keys in tiles of 64 with a running maximum (FlashAttention-2: Dao 2023).
//         HEAD_DIM % 16 == 0 and at most 128, checked by AttentionKernel, the only caller; compute capability 8.0.
// Numbers Scores, softmax and sums are float32. Only for the products with values are probabilities split into two 16-bit numbers, whose sum is as good as
//         the float32 they come from: times 2^14, so that float16 has small ones, too.
// Lanes   As mma.sync m16n8k16 has it: a lane has rows g and g + 8 of its warp's, g = lane / 4, and of 8 columns 2 part and 2 part + 1, part = lane % 4.
// Oracle  TorchOps.AppendAttend.

#include "common.cuh"

constexpr int WARPS = 4;
constexpr int ROWS = 16 * WARPS;
constexpr int KEYS = 64;             // of a tile
constexpr int STRIDE = HEAD_DIM + 8; // of a key in shared memory: neighbouring keys begin in other banks
constexpr int LOADS = HEAD_DIM / PER_LOAD;
constexpr float SCALE = 16384.0f;    // of probabilities and their sum

// What a lane keeps from tile to tile, of its two rows.
struct Rows
{
    float sum[HEAD_DIM / 8][4], peak[2], weight[2];
};

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

// Asks for the block's tile of keys or values from the cache: from position `begin` on, zeros from `length` on.
__device__ __forceinline__ void ask(number* to, const number* cache, const int* blocks, int begin, int length, int heads, int head)
{
#pragma unroll 4
    for (int i = threadIdx.x; i < KEYS * LOADS; i += 32 * WARPS)
    {
        const int key = i / LOADS, position = begin + key, bytes = position < length ? 16 : 0;
        const size_t slot = bytes > 0 ? blocks[position / BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE : 0;
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
            :: "r"((unsigned)__cvta_generic_to_shared(to + key * STRIDE + i % LOADS * PER_LOAD)),
               "l"(cache + ((slot * heads + head) * LOADS + i % LOADS) * PER_LOAD), "r"(bytes) : "memory");
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits for all that was asked for but the last; then everybody's is there.
__device__ __forceinline__ void wait_for_first()
{
    asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
}

// score = q · k / sqrt(HEAD_DIM) + slope · (key − row), and −∞ for keys to come. `distance`: of the tile's first key from each row.
__device__ __forceinline__ void multiply_keys(float (&score)[KEYS / 8][4], const unsigned (&q)[HEAD_DIM / 16][4], const number* k, const int (&distance)[2], float slope)
{
    const int lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const float unit = rsqrtf((float)HEAD_DIM);
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
    {
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 16; ++i)
        {
            const unsigned* from = reinterpret_cast<const unsigned*>(k + (j * 8 + group) * STRIDE + i * 16) + part;
            multiply_add(score[j], q[i], from[0], from[4]);
        }
#pragma unroll
        for (int c = 0; c < 4; ++c)
        {
            const int far = distance[c / 2] + j * 8 + part * 2 + c % 2;
            score[j][c] = far <= 0 ? fmaf(slope, (float)far, score[j][c] * unit) : -INFINITY_F;
        }
    }
}

// Makes scores probabilities, times SCALE, of what was seen so far, and what is kept fit for them.
__device__ __forceinline__ void soften(float (&score)[KEYS / 8][4], Rows& kept)
{
    float shrink[2];
#pragma unroll
    for (int r = 0; r < 2; ++r)
    {
        float top = kept.peak[r];
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) top = fmaxf(top, fmaxf(score[j][2 * r], score[j][2 * r + 1]));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
        shrink[r] = expf(kept.peak[r] - top); // every row sees the first key, so that no peak is infinite
        kept.peak[r] = top;
        kept.weight[r] *= shrink[r];
    }
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
        for (int c = 0; c < 4; ++c)
        {
            score[j][c] = expf(score[j][c] - kept.peak[c / 2]) * SCALE;
            kept.weight[c / 2] += score[j][c];
        }
#pragma unroll
    for (int n = 0; n < HEAD_DIM / 8; ++n)
#pragma unroll
        for (int c = 0; c < 4; ++c) kept.sum[n][c] *= shrink[c / 2];
}

// sum += probabilities · v.
__device__ __forceinline__ void multiply_values(float (&sum)[HEAD_DIM / 8][4], const float (&p)[KEYS / 8][4], const number* v)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int j = 0; j < KEYS / 16; ++j)
    {
        unsigned upper[4], lower[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) split(p[2 * j + i / 2][i % 2 * 2], p[2 * j + i / 2][i % 2 * 2 + 1], upper[i], lower[i]);
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

extern "C" __global__ void __launch_bounds__(32 * WARPS)
attend_prompt(const number* qkv, const number* keys, const number* values, const int2* rows, const int* blocks, const float* __restrict__ slopes,
              number* result, int heads, int count)
{
    __shared__ __align__(16) number k[KEYS * STRIDE], v[KEYS * STRIDE];
    follow();

    const int head = blockIdx.x, first = (gridDim.y - 1 - blockIdx.y) * ROWS; // the rows with most keys begin first
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const int2 place = rows[0];
    const int own[2] = {first + warp * 16 + group, first + warp * 16 + group + 8}; // the lane's rows
    const int length = place.x + min(first + ROWS, count);

    unsigned q[HEAD_DIM / 16][4];
#pragma unroll
    for (int i = 0; i < HEAD_DIM / 16; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
        {
            const unsigned* from = reinterpret_cast<const unsigned*>(qkv + ((size_t)own[j % 2] * heads + head) * 3 * HEAD_DIM) + i * 8 + part + j / 2 * 4;
            q[i][j] = own[j % 2] < count ? *from : 0;
        }

    Rows kept = {};
    kept.peak[0] = kept.peak[1] = -INFINITY_F;
    const int* ownBlocks = blocks + place.y;
    ask(k, keys, ownBlocks, 0, length, heads, head);
    for (int begin = 0; begin < length; begin += KEYS)
    {
        ask(v, values, ownBlocks, begin, length, heads, head); // while keys are multiplied
        wait_for_first();
        float score[KEYS / 8][4] = {};
        const int distance[2] = {begin - place.x - own[0], begin - place.x - own[1]};
        multiply_keys(score, q, k, distance, slopes[head]);
        __syncthreads(); // the keys have been read

        ask(k, keys, ownBlocks, begin + KEYS, length, heads, head); // while values are; past the end, of nothing
        soften(score, kept);
        wait_for_first();
        multiply_values(kept.sum, score, v);
        __syncthreads(); // the values have been read
    }
    asm volatile("cp.async.wait_all;" ::: "memory");

#pragma unroll
    for (int r = 0; r < 2; ++r)
    {
        kept.weight[r] += __shfl_xor_sync(0xffffffffu, kept.weight[r], 1);
        kept.weight[r] += __shfl_xor_sync(0xffffffffu, kept.weight[r], 2);
        if (own[r] >= count) continue;
        unsigned* to = reinterpret_cast<unsigned*>(result + ((size_t)own[r] * heads + head) * HEAD_DIM) + part;
#pragma unroll
        for (int n = 0; n < HEAD_DIM / 8; ++n) to[n * 4] = pair(narrow(kept.sum[n][2 * r] / kept.weight[r]), narrow(kept.sum[n][2 * r + 1] / kept.weight[r]));
    }
}
