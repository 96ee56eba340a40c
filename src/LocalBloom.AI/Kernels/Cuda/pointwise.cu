// layer_norm, add_bias, gelu — what stands between a block's matrix products. All in float32, one rounding at the store.
//
//   x       number [rows, width]
//   weight  number [width]       bias likewise
//   result  number [rows, width]
//
// layer_norm result = (x − mean) / sqrt(variance + epsilon) · weight + bias. Grid rows, block 256. Reads x three times; the cache holds it.
// add_bias   x += bias. Grid (ceil(width / 256 / PER_LOAD), rows), block 256.
// gelu       x = gelu(x), BLOOM's tanh approximation, as x · sigmoid. Grid ceil(count / 256 / PER_LOAD), block 256; x as one row of `count` numbers.
// Loads      A thread takes 16 bytes at once where rows are of whole loads, else a number. Buffers begin at 16 bytes, as torch's and the arena's do.
// Cost       a few microseconds each: rows · width numbers read and written. What they save is the host's time for a torch operation.
// Oracle     TorchOps.

#include "common.cuh"

constexpr int THREADS = 256;

__device__ __forceinline__ float block_sum(float x, float* shared)
{
    x = warp_sum(x);
    __syncthreads(); // the last sum has been read
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < THREADS / 32; ++i) sum += shared[i];
    return sum;
}

// Gives a block's threads a row's numbers: `use(first, values)`, with N of them from `first` on.
template <int N, typename Use>
__device__ __forceinline__ void for_each(const number* row, int width, Use use)
{
    for (int i = threadIdx.x * N; i < width; i += THREADS * N)
    {
        float values[N];
        if constexpr (N == 1) values[0] = widen(row[i]);
        else load(row + i, values);
        use(i, values);
    }
}

template <int N>
__device__ __forceinline__ void norm(const number* row, const number* weight, const number* bias, number* result, int width, float epsilon)
{
    __shared__ float shared[THREADS / 32];
    float sum = 0.0f;
    for_each<N>(row, width, [&](int, const float* x)
    {
#pragma unroll
        for (int k = 0; k < N; ++k) sum += x[k];
    });
    const float mean = block_sum(sum, shared) / width;

    float squares = 0.0f;
    for_each<N>(row, width, [&](int, const float* x)
    {
#pragma unroll
        for (int k = 0; k < N; ++k) squares = fmaf(x[k] - mean, x[k] - mean, squares);
    });
    const float scale = rsqrtf(block_sum(squares, shared) / width + epsilon);

    for_each<N>(row, width, [&](int first, float* x)
    {
        float w[N], b[N];
        if constexpr (N == 1) w[0] = widen(weight[first]), b[0] = widen(bias[first]);
        else load(weight + first, w), load(bias + first, b);
#pragma unroll
        for (int k = 0; k < N; ++k) x[k] = fmaf((x[k] - mean) * scale, w[k], b[k]);
        if constexpr (N == 1) result[first] = narrow(x[0]);
        else store(result + first, x);
    });
}

extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm(const number* x, const number* __restrict__ weight, const number* __restrict__ bias, number* result, int width, float epsilon)
{
    follow();
    const size_t at = (size_t)blockIdx.x * width;
    if (width % PER_LOAD == 0) norm<PER_LOAD>(x + at, weight, bias, result + at, width, epsilon);
    else norm<1>(x + at, weight, bias, result + at, width, epsilon);
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

__device__ __forceinline__ float gelu_of(float v)
{
    return v / (1.0f + expf(-1.59576912f * v * fmaf(0.044715f * v, v, 1.0f))); // ½ · (1 + tanh u) is the sigmoid of 2u
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
