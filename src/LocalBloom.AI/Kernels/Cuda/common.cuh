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

// From Hopper on a kernel may begin before the one in front of it has ended (KernelCompiler asks for that), so that its launch costs no time of the device.
// Each begins with `follow`, or with its two halves. From `wait_for_previous` on all is there that earlier kernels wrote, and may be written. Before it, only
// what no kernel of a step writes may be read, such as weights. What they write must not be read through `const __restrict__`: that promises the compiler
// that it has always been there.
__device__ __forceinline__ void let_next_begin()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ __forceinline__ void wait_for_previous()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ void follow()
{
    let_next_begin();
    wait_for_previous();
}

constexpr int PER_LOAD = 16 / sizeof(number); // numbers in a 128-bit load

// 16 bytes as floats.
__device__ __forceinline__ void widen(uint4 raw, float* to)
{
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

__device__ __forceinline__ void load(const number* from, float* to) { widen(*reinterpret_cast<const uint4*>(from), to); }

// The reverse.
__device__ __forceinline__ void store(number* to, const float* from)
{
    unsigned words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
    {
#if NUMBER_TYPE == 0
        words[i] = __float_as_uint(from[i]);
#else
        words[i] = narrow(from[2 * i]) | (unsigned)narrow(from[2 * i + 1]) << 16;
#endif
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
}

// 16 bytes of weights, which a block reads once: past the first-level cache, where the device can be told so. Asked for here and not, as the compiler may
// choose for others, later.
__device__ __forceinline__ uint4 load_once(const void* from)
{
    uint4 v;
#if __CUDA_ARCH__ >= 750
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from));
#else
    asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from));
#endif
    return v;
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

// BLOOM's tanh approximation: ½ · (1 + tanh u) is the sigmoid of 2u.
__device__ __forceinline__ float gelu_of(float v) { return v / (1.0f + expf(-1.59576912f * v * fmaf(0.044715f * v, v, 1.0f))); }

#if NUMBER_TYPE != 0 && __CUDA_ARCH__ >= 800

// Four int8 weights with 128 added to each.
__device__ __forceinline__ unsigned raise(unsigned weights) { return weights ^ 0x80808080u; }

// Four neighbouring raised weights as two pairs of numbers, exactly.
__device__ __forceinline__ void raised_to_numbers(unsigned raised, unsigned& first, unsigned& second)
{
#if NUMBER_TYPE == 1
    // Under 0x64 a byte is 1024 + byte in half precision.
    asm("sub.f16x2 %0, %1, %2;" : "=r"(first) : "r"(__byte_perm(raised, 0x64646464u, 0x4140)), "r"(0x64806480u));
    asm("sub.f16x2 %0, %1, %2;" : "=r"(second) : "r"(__byte_perm(raised, 0x64646464u, 0x4342)), "r"(0x64806480u));
#else
    // Under 0x43 the lower seven bits m of a byte are 128 + m in bfloat16; with the eighth bit, 256 + 2m. Less 256 that is the weight, or twice the weight
    // where it is not negative.
    constexpr unsigned ONE = 0x3f803f80u, LESS_256 = 0xc380c380u, LESS_HALF = 0xbf00bf00u;
    const unsigned pairs[2] = {__byte_perm(raised, 0x43434343u, 0x4140), __byte_perm(raised, 0x43434343u, 0x4342)};
    unsigned numbers[2];
#pragma unroll
    for (int i = 0; i < 2; ++i)
    {
        unsigned shifted, positive;
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(shifted) : "r"(pairs[i]), "r"(ONE), "r"(LESS_256));
        asm("fma.rn.relu.bf16x2 %0, %1, %2, %3;" : "=r"(positive) : "r"(pairs[i]), "r"(ONE), "r"(LESS_256));
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(numbers[i]) : "r"(positive), "r"(LESS_HALF), "r"(shifted));
    }

    first = numbers[0];
    second = numbers[1];
#endif
}

// sum += a · b, m16n8k16.
__device__ __forceinline__ void multiply_add(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
#if NUMBER_TYPE == 1
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#endif
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif
