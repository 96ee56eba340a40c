// What every kernel here builds on. NVRTC compiles without any include path: users have a driver, not a toolkit.
//
// NUMBER_TYPE  0 float, 1 IEEE half, 2 bfloat16: the type of cache and activations, named `number` below.

#define INFINITY_F __int_as_float(0x7f800000)

#if NUMBER_TYPE == 0
typedef float number;
__device__ __forceinline__ float widen(number x) { return x; }
__device__ __forceinline__ number narrow(float x) { return x; }
#else
typedef unsigned short number;
#if NUMBER_TYPE == 1
__device__ __forceinline__ float widen(number x)
{
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
}
__device__ __forceinline__ number narrow(float x)
{
    number y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
    return y;
}
#else
__device__ __forceinline__ float widen(number x) { return __uint_as_float((unsigned)x << 16); }
__device__ __forceinline__ number narrow(float x)
{
    const unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;      // NaN stays one
    return (number)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16); // to nearest, ties to even
}
#endif
#endif

// From Hopper on a kernel may begin before the one in front of it has ended (KernelCompiler asks for that), so that its launch costs no time of the device:
// the first thing that it does. From here on all is there that earlier kernels wrote, and may be written. What they wrote must not be read through
// `const __restrict__`: that promises the compiler that it has always been there.
__device__ __forceinline__ void follow()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;\n\tgriddepcontrol.wait;" ::: "memory");
#endif
}

constexpr int PER_LOAD = 16 / sizeof(number); // numbers in a 128-bit load

// 16 bytes as floats.
__device__ __forceinline__ void load(const number* from, float* to)
{
    const uint4 raw = *reinterpret_cast<const uint4*>(from);
    const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i)
    {
#if NUMBER_TYPE == 0
        to[i] = __uint_as_float(words[i]);
#else
        to[2 * i] = widen((number)(words[i] & 0xffffu));
        to[2 * i + 1] = widen((number)(words[i] >> 16));
#endif
    }
}

__device__ __forceinline__ float warp_max(float x)
{
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
    return x;
}

__device__ __forceinline__ float warp_sum(float x)
{
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}
