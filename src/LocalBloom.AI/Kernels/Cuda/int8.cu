// few_R_W, split, join — products with int8 weights: of a decoding step's rows, and of a prompt's. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   weight   int8   [outputs, inputs]
//   scales   number [outputs]            what a row of weight is to be multiplied with
//   bias     number [outputs]            or null
//   result   number [rows, outputs]      what is there is added to where `add` is not 0
//   halves   int8   [2, rows, inputs]    x ≈ units · (256 · upper half + lower half)
//   units    float  [rows]
//   products int    [2, rows, outputs]   halves · weightᵀ, exactly
//
// few_R_W   result = (add ? result : 0) + scales · (x · weightᵀ) + bias for up to R rows, summed in float32 in a fixed order, one rounding at the store.
//           Grid outputs / 16, block (32, W); inputs % 64 == 0 and outputs % 16 == 0, checked by Int8Kernel, the only caller. A block has 16
//           outputs; its W warps share the inputs, and meet in shared memory. mma.sync m16n8k16 with weights as A and rows as B: the order of the
//           inputs within 64 is free as long as both sides have the same, so a lane takes 16 neighbouring weights in one load and has with them its
//           part of four products. Reads outputs · inputs bytes once; x comes from the caches. It asks for its first weights, which no kernel writes,
//           before it waits for the kernel in front of it.
// split     Rows as whole numbers of 16 bits, by the row's largest: the error is 2^-16 of that, as if the row were fixed-point. Grid rows, block 256.
// join      result = (add ? result : 0) + scales · units · (256 · upper product + lower product) + bias. Grid (ceil(outputs / 256), rows), block 256.
// Oracle    DequantizedLinear in float32.

constexpr int OUTPUTS = 16;
constexpr int CHUNK = 64; // inputs of four products
constexpr int UNIT = 2;   // chunks that a warp takes at once
constexpr int THREADS = 256;

struct Weights
{
    uint4 low[UNIT], high[UNIT]; // of outputs g and g + 8
};

// Warps take pairs of chunks in turn, so that a block reads 1 KB of a row or more at once.
__device__ __forceinline__ void load(Weights& to, const signed char* rows, int inputs, int chunks, int first)
{
#pragma unroll
    for (int i = 0; i < UNIT; ++i)
    {
        if (first + i < chunks)
        {
            to.low[i] = load_once(rows + (first + i) * CHUNK);
            to.high[i] = load_once(rows + (size_t)8 * inputs + (first + i) * CHUNK);
        }
    }
}

template <int TILES>
__device__ __forceinline__ void multiply(float (&sum)[TILES][4], const Weights& w, const number* x, int rows, int inputs, int chunks, int first, int group, int part)
{
#pragma unroll
    for (int i = 0; i < UNIT; ++i)
    {
        const int chunk = first + i;
        if (chunk >= chunks) return;
        uint4 b[TILES][2];
#pragma unroll
        for (int tile = 0; tile < TILES; ++tile)
        {
            const int row = tile * 8 + group;
            b[tile][0] = b[tile][1] = make_uint4(0, 0, 0, 0);
            if (row < rows)
            {
                const uint4* from = reinterpret_cast<const uint4*>(x + (size_t)row * inputs + chunk * CHUNK + part * 16);
                b[tile][0] = from[0];
                b[tile][1] = from[1];
            }
        }

        const unsigned low[4] = {w.low[i].x, w.low[i].y, w.low[i].z, w.low[i].w};
        const unsigned high[4] = {w.high[i].x, w.high[i].y, w.high[i].z, w.high[i].w};
#pragma unroll
        for (int k = 0; k < 4; ++k)
        {
            unsigned a[4];
            to_numbers(low[k], a[0], a[2]);
            to_numbers(high[k], a[1], a[3]);
#pragma unroll
            for (int tile = 0; tile < TILES; ++tile)
            {
                const uint4 pair = b[tile][k / 2];
                multiply_add(sum[tile], a, k % 2 ? pair.z : pair.x, k % 2 ? pair.w : pair.y);
            }
        }
    }
}

template <int TILES, int WARPS>
__device__ __forceinline__ void few(const number* x, const signed char* weight, const number* scales, const number* bias, number* result,
                                    int rows, int outputs, int inputs, int add)
{
    __shared__ float sums[WARPS][8 * TILES][OUTPUTS + 1];

    const int lane = threadIdx.x, warp = threadIdx.y, group = lane / 4, part = lane % 4, firstOutput = blockIdx.x * OUTPUTS;
    const int chunks = inputs / CHUNK;
    const signed char* own = weight + (size_t)(firstOutput + group) * inputs + part * 16;

    float sum[TILES][4] = {};
    Weights next = {};
    load(next, own, inputs, chunks, warp * UNIT);
    follow();
    for (int first = warp * UNIT; first < chunks; first += WARPS * UNIT)
    {
        const Weights now = next;
        load(next, own, inputs, chunks, first + WARPS * UNIT);
        multiply(sum, now, x, rows, inputs, chunks, first, group, part);
    }

#pragma unroll
    for (int i = 0; i < TILES; ++i)
    {
        sums[warp][i * 8 + part * 2][group] = sum[i][0];
        sums[warp][i * 8 + part * 2 + 1][group] = sum[i][1];
        sums[warp][i * 8 + part * 2][group + 8] = sum[i][2];
        sums[warp][i * 8 + part * 2 + 1][group + 8] = sum[i][3];
    }
    __syncthreads();

    const int i = warp * 32 + lane, output = i % OUTPUTS, row = i / OUTPUTS, at = firstOutput + output;
    if (row >= rows) return;
    float value = 0.0f;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) value += sums[w][row][output];
    value *= widen(scales[at]);
    if (bias != nullptr) value += widen(bias[at]);
    number* to = result + (size_t)row * outputs + at;
    *to = narrow(add ? widen(*to) + value : value);
}

#define FEW(R, W, BLOCKS) \
    extern "C" __global__ void __launch_bounds__(32 * W, BLOCKS) few_##R##_##W( \
        const number* x, const signed char* __restrict__ weight, const number* __restrict__ scales, const number* __restrict__ bias, number* result, int rows, \
        int outputs, int inputs, int add) \
    { \
        few<R / 8, W>(x, weight, scales, bias, result, rows, outputs, inputs, add); \
    }

FEW(8, 8, 3)
FEW(16, 8, 3)
FEW(8, 16, 1)
FEW(16, 16, 1)

extern "C" __global__ void __launch_bounds__(THREADS)
split(const number* x, signed char* halves, float* units, int inputs)
{
    follow();
    __shared__ float shared[THREADS / 32];
    const int row = blockIdx.x;
    const number* from = x + (size_t)row * inputs;

    float largest = 0.0f;
    bool isNumber = true;
    for (int i = threadIdx.x; i < inputs; i += THREADS)
    {
        const float value = fabsf(widen(from[i]));
        isNumber = isNumber && value < INFINITY_F;
        largest = fmaxf(largest, value);
    }
    largest = warp_max(largest);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = largest;
    isNumber = __syncthreads_and(isNumber);
#pragma unroll
    for (int i = 0; i < THREADS / 32; ++i) largest = fmaxf(largest, shared[i]);

    // 127 · 256 + 127 is the most that two halves hold. What is no number makes none of the row's results one, as it would in floating point.
    const float unit = largest / 32639.0f, perUnit = largest > 0.0f ? 32639.0f / largest : 0.0f;
    if (threadIdx.x == 0) units[row] = isNumber ? unit : __int_as_float(0x7fffffff);
    signed char* upper = halves + (size_t)row * inputs;
    signed char* lower = upper + (size_t)gridDim.x * inputs;
    for (int i = threadIdx.x; i < inputs; i += THREADS)
    {
        const int whole = isNumber ? max(-32639, min(32639, __float2int_rn(widen(from[i]) * perUnit))) : 0;
        const int up = (whole + 128) >> 8;
        upper[i] = (signed char)up;
        lower[i] = (signed char)(whole - (up << 8));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
join(const int* products, const float* units, const number* __restrict__ scales, const number* __restrict__ bias, number* result, int outputs, int stride,
     int add)
{
    follow();
    const int output = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
    if (output >= outputs) return;
    const int upper = products[(size_t)row * outputs + output], lower = products[(size_t)(gridDim.y + row) * outputs + output];
    float value = fmaf(256.0f, (float)upper, (float)lower) * units[row] * widen(scales[output]);
    if (bias != nullptr) value += widen(bias[output]);
    number* to = result + (size_t)row * stride + output;
    *to = narrow(add ? widen(*to) + value : value);
}
