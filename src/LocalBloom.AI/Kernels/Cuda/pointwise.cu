// layer_norm, add_bias, gelu — what stands between a block's matrix products. All in float32, one rounding at the store.
//
//   x       number [rows, width]
//   weight  number [width]       bias likewise
//   result  number [rows, width]
//
// layer_norm result = (x − mean) / sqrt(variance + epsilon) · weight + bias. Grid rows, block 512. Rows of whole loads, and no more than KEPT for a thread, are
//            read once; weight and bias, which no kernel writes, before the kernel in front ends: they come from memory, x from the caches. Others are
//            read three times.
// add_bias   x += bias. Grid (ceil(width / 256 / PER_LOAD), rows), block 256.
// gelu       x = gelu(x), BLOOM's tanh approximation, as x · sigmoid. Grid ceil(count / 256 / PER_LOAD), block 256; x as one row of `count` numbers.
// Loads      A thread takes 16 bytes at once where rows are of whole loads (and, for layer_norm, are kept), else a number. Buffers begin at 16 bytes, as torch's and the arena's do.
// Cost       a few microseconds each: rows · width numbers read and written. What they save is the host's time for a torch operation.
// Oracle     TorchOps.

#include "common.cuh"

constexpr int THREADS = 256;
constexpr int NORM_THREADS = 512;
constexpr int KEPT = 4; // loads of a thread: 16384 numbers of 16 bits in a row, 8192 of 32

__device__ __forceinline__ float block_sum(float x, float* shared)
{
    x = warp_sum(x);
    __syncthreads(); // the last sum has been read
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < NORM_THREADS / 32; ++i) sum += shared[i];
    return sum;
}

// What a thread keeps of a row, a weight or a bias: loads, NORM_THREADS apart.
struct Kept
{
    uint4 raw[KEPT];

    template <typename Load>
    __device__ __forceinline__ Kept(int width, Load load)
    {
#pragma unroll
        for (int k = 0; k < KEPT; ++k) raw[k] = is_there(k, width) ? load(at(k)) : make_uint4(0, 0, 0, 0);
    }

    static __device__ __forceinline__ int at(int k) { return (k * NORM_THREADS + threadIdx.x) * PER_LOAD; }
    static __device__ __forceinline__ bool is_there(int k, int width) { return at(k) < width; }
};

__device__ __forceinline__ void norm_kept(const number* row, const Kept& weight, const Kept& bias, number* result, int width, float epsilon, float* shared)
{
    const Kept kept(width, [&](int i) { return *reinterpret_cast<const uint4*>(row + i); });
    float x[PER_LOAD], sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int k = 0; k < KEPT; ++k)
    {
        widen(kept.raw[k], x); // zeros where there are none
#pragma unroll
        for (int i = 0; i < PER_LOAD; ++i) sum += x[i];
    }

    const float mean = block_sum(sum, shared) / width;
#pragma unroll
    for (int k = 0; k < KEPT; ++k)
    {
        if (!Kept::is_there(k, width)) break;
        widen(kept.raw[k], x);
#pragma unroll
        for (int i = 0; i < PER_LOAD; ++i) squares = fmaf(x[i] - mean, x[i] - mean, squares);
    }

    const float scale = rsqrtf(block_sum(squares, shared) / width + epsilon);
#pragma unroll
    for (int k = 0; k < KEPT; ++k)
    {
        if (!Kept::is_there(k, width)) break;
        float w[PER_LOAD], b[PER_LOAD];
        widen(kept.raw[k], x);
        widen(weight.raw[k], w);
        widen(bias.raw[k], b);
#pragma unroll
        for (int i = 0; i < PER_LOAD; ++i) x[i] = fmaf((x[i] - mean) * scale, w[i], b[i]);
        store(result + Kept::at(k), x);
    }
}

__device__ __forceinline__ void norm_any(const number* row, const number* weight, const number* bias, number* result, int width, float epsilon, float* shared)
{
    float sum = 0.0f, squares = 0.0f;
    for (int i = threadIdx.x; i < width; i += NORM_THREADS) sum += widen(row[i]);
    const float mean = block_sum(sum, shared) / width;
    for (int i = threadIdx.x; i < width; i += NORM_THREADS) squares = fmaf(widen(row[i]) - mean, widen(row[i]) - mean, squares);
    const float scale = rsqrtf(block_sum(squares, shared) / width + epsilon);
    for (int i = threadIdx.x; i < width; i += NORM_THREADS) result[i] = narrow(fmaf((widen(row[i]) - mean) * scale, widen(weight[i]), widen(bias[i])));
}

extern "C" __global__ void __launch_bounds__(NORM_THREADS)
layer_norm(const number* x, const number* __restrict__ weight, const number* __restrict__ bias, number* result, int width, float epsilon)
{
    __shared__ float shared[NORM_THREADS / 32];
    let_next_begin();
    const size_t at = (size_t)blockIdx.x * width;
    if (width % PER_LOAD != 0 || width > KEPT * NORM_THREADS * PER_LOAD)
    {
        wait_for_previous();
        norm_any(x + at, weight, bias, result + at, width, epsilon, shared);
        return;
    }

    const Kept ownWeight(width, [&](int i) { return load_once(weight + i); }), ownBias(width, [&](int i) { return load_once(bias + i); });
    wait_for_previous();
    norm_kept(x + at, ownWeight, ownBias, result + at, width, epsilon, shared);
}

extern "C" __global__ void __launch_bounds__(THREADS)
add_bias(number* x, const number* __restrict__ bias, int width)
{
    follow();
    number* row = x + (size_t)blockIdx.y * width;
    if (width % PER_LOAD == 0)
    {
        const int i = (blockIdx.x * THREADS + threadIdx.x) * PER_LOAD;
        if (i >= width) return;
        float values[PER_LOAD], added[PER_LOAD];
        load(row + i, values);
        load(bias + i, added);
#pragma unroll
        for (int k = 0; k < PER_LOAD; ++k) values[k] += added[k];
        store(row + i, values);
        return;
    }

    for (int i = blockIdx.x * THREADS * PER_LOAD + threadIdx.x; i < min(width, (int)(blockIdx.x + 1) * THREADS * PER_LOAD); i += THREADS)
        row[i] = narrow(widen(row[i]) + widen(bias[i]));
}

extern "C" __global__ void __launch_bounds__(THREADS)
gelu(number* x, size_t count)
{
    follow();
    const size_t first = ((size_t)blockIdx.x * THREADS + threadIdx.x) * PER_LOAD;
    if (first + PER_LOAD <= count)
    {
        float values[PER_LOAD];
        load(x + first, values);
#pragma unroll
        for (int k = 0; k < PER_LOAD; ++k) values[k] = gelu_of(values[k]);
        store(x + first, values);
        return;
    }

    for (size_t i = first; i < count; ++i) x[i] = narrow(gelu_of(widen(x[i])));
}
