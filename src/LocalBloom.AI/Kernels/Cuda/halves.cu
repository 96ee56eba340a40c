// split, join — products of a prompt's rows with int8 weights by integer products. NUMBER_TYPE is 1 or 2.
//
//   x        number [rows, inputs]
//   scales   number [outputs]            what a row of weight is to be multiplied with
//   bias     number [outputs]            or null
//   result   number [rows, outputs]      what is there is added to where `add` is not 0
//   halves   int8   [2, rows, inputs]    x ≈ units · (256 · upper half + lower half)
//   units    float  [rows]
//   products int    [2, rows, outputs]   halves · weightᵀ, exactly
//
// split     Rows as whole numbers of 16 bits, by the row's largest: the error is 2^-16 of that, as if the row were fixed-point. Grid rows, block 256.
// join      result = (add ? result : 0) + scales · units · (256 · upper product + lower product) + bias. Grid (ceil(outputs / 256), rows), block 256.
// Oracle    DequantizedLinear in float32.

#include "common.cuh"

constexpr int THREADS = 256;

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
