// layer_norm, add_bias, gelu — what stands between a block's matrix products. All in float32, one rounding at the store.
//
//   x       number [rows, width]
//   weight  number [width]       bias likewise
//   result  number [rows, width]
//
// layer_norm result = (x − mean) / sqrt(variance + epsilon) · weight + bias. Grid rows, block 256. Reads x three times; the cache holds it.
// add_bias  x += bias. Grid (ceil(width / 256), rows), block 256.
// gelu      x = gelu(x), BLOOM's tanh approximation. Launched like add_bias.
// Cost      a few microseconds each: rows · width numbers read and written. What they save is the host's time for a torch operation.
// Oracle    TorchOps.

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

extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm(const number* x, const number* __restrict__ weight, const number* __restrict__ bias, number* result, int width, float epsilon)
{
    __shared__ float shared[THREADS / 32];
    follow();
    const number* row = x + (size_t)blockIdx.x * width;

    float sum = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS) sum += widen(row[i]);
    const float mean = block_sum(sum, shared) / width;

    float squares = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS)
    {
        const float distance = widen(row[i]) - mean;
        squares = fmaf(distance, distance, squares);
    }
    const float scale = rsqrtf(block_sum(squares, shared) / width + epsilon);

    for (int i = threadIdx.x; i < width; i += THREADS)
    {
        result[(size_t)blockIdx.x * width + i] = narrow(fmaf((widen(row[i]) - mean) * scale, widen(weight[i]), widen(bias[i])));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
add_bias(number* x, const number* __restrict__ bias, int width)
{
    follow();
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= width) return;
    number* at = x + (size_t)blockIdx.y * width + i;
    *at = narrow(widen(*at) + widen(bias[i]));
}

extern "C" __global__ void __launch_bounds__(THREADS)
gelu(number* x, int width)
{
    follow();
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= width) return;
    number* at = x + (size_t)blockIdx.y * width + i;
    const float v = widen(*at);
    *at = narrow(0.5f * v * (1.0f + tanhf(0.79788456f * v * fmaf(0.044715f * v, v, 1.0f))));
}
