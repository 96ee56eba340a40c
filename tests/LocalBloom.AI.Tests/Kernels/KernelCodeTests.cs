using LocalBloom.AI.Kernels;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Kernels;

/// <summary>Each source is compiled once, however many devices and threads ask for it.</summary>
public sealed class KernelCodeTests
{
    private const string File = "pointwise.cu";
    private static readonly string[] s_parts = ["\nfew_at_once(", "void multiply(", "void follow()"]; // of fewtiles.cu, of what it includes, and of what that does
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void TheSameCode_IsCompiledOnce()
    {
        int compiled = 0;
        var code = new KernelCode((_, _, _) => [(byte)++compiled]);

        byte[] first = code.For(File, "sm_80", ScalarType.Float16, [("WIDTH", 1)]);

        Assert.Same(first, code.For(File, "sm_80", ScalarType.Float16, [("WIDTH", 1)]));
        Assert.Equal(1, compiled);
    }

    [Theory]
    [InlineData("attention.cu", "sm_80", ScalarType.Float16, 1)]
    [InlineData(File, "sm_90a", ScalarType.Float16, 1)]
    [InlineData(File, "sm_80", ScalarType.BFloat16, 1)]
    [InlineData(File, "sm_80", ScalarType.Float16, 2)]
    public void OtherCode_IsCompiledToo(string file, string architecture, ScalarType type, int width)
    {
        int compiled = 0;
        var code = new KernelCode((_, _, _) => [(byte)++compiled]);

        Assert.NotEqual(code.For(File, "sm_80", ScalarType.Float16, [("WIDTH", 1)]), code.For(file, architecture, type, [("WIDTH", width)]));
    }

    [Fact]
    public void TheCompiler_GetsTheSourceAndWhatItIsFor()
    {
        (string Source, string Name, IReadOnlyList<string> Options) asked = default;
        var code = new KernelCode((source, name, options) =>
        {
            asked = (source, name, options);
            return [];
        });

        code.For(File, "sm_90a", ScalarType.BFloat16, [("WIDTH", 7)]);

        Assert.Contains("layer_norm", asked.Source, StringComparison.Ordinal);
        Assert.Contains("void follow()", asked.Source, StringComparison.Ordinal); // of common.cuh
        Assert.DoesNotContain("#include", asked.Source, StringComparison.Ordinal); // there is no include path
        Assert.Equal(File, asked.Name);
        Assert.Equal(["--gpu-architecture=sm_90a", "--std=c++17", "--define-macro=NUMBER_TYPE=2", "--define-macro=WIDTH=7"], asked.Options);
    }

    [Fact]
    public void WhatIsIncludedByWhatIsIncluded_IsThereOnce()
    {
        string? asked = null;
        var code = new KernelCode((source, _, _) =>
        {
            asked = source;
            return [];
        });

        code.For("fewtiles.cu", "sm_90a", ScalarType.Float16, []);

        Assert.All(s_parts, part => Assert.Equal(1, asked!.Split(part).Length - 1));
        Assert.DoesNotContain("#include", asked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoAsksMeanwhile_WaitsForTheFirst()
    {
        int compiled = 0;
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var code = new KernelCode((_, _, _) =>
        {
            Interlocked.Increment(ref compiled);
            begun.Set();
            Assert.True(go.Wait(s_patience));
            return [1];
        });

        Task<byte[]> first = OnItsOwnThread(() => code.For(File, "sm_80", ScalarType.Float16, []));
        Assert.True(begun.Wait(s_patience, TestContext.Current.CancellationToken));
        Task<byte[]> second = OnItsOwnThread(() => code.For(File, "sm_80", ScalarType.Float16, []));
        await Task.WhenAny(second, Task.Delay(100, TestContext.Current.CancellationToken));
        Assert.False(second.IsCompleted);
        go.Set();

        Assert.Same(await first.WaitAsync(s_patience, TestContext.Current.CancellationToken), await second.WaitAsync(s_patience, TestContext.Current.CancellationToken));
        Assert.Equal(1, compiled);
    }

    [Fact]
    public async Task OtherCode_IsCompiledMeanwhile()
    {
        using var both = new CountdownEvent(2);
        var code = new KernelCode((_, _, _) =>
        {
            both.Signal();
            Assert.True(both.Wait(s_patience), "one waits for the other");
            return [];
        });

        await Task.WhenAll(
            OnItsOwnThread(() => code.For(File, "sm_80", ScalarType.Float16, [])), OnItsOwnThread(() => code.For(File, "sm_90a", ScalarType.Float16, [])));
    }

    [Fact]
    public void AnError_IsNotKept()
    {
        bool fails = true;
        var code = new KernelCode((_, _, _) => fails ? throw new LocalBloomException("no") : [1]);

        Assert.Throws<LocalBloomException>(() => code.For(File, "sm_80", ScalarType.Float16, []));
        Assert.Throws<LocalBloomException>(() => code.For(File, "sm_80", ScalarType.Float16, []));
        fails = false;

        Assert.Equal([1], code.For(File, "sm_80", ScalarType.Float16, []));
    }

    private static Task<T> OnItsOwnThread<T>(Func<T> work) =>
        Task.Factory.StartNew(work, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
