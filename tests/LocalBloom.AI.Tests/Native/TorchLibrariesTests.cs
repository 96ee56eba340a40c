using System.Diagnostics;
using LocalBloom.AI.Native;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Native;

public class TorchLibrariesTests
{
    private static readonly string s_torchCpu =
        OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";

    [Fact]
    public void Load_ThroughALink_IsTheSameTorch_AndACopyIsRefused()
    {
        string own = TorchLibraries.Load(libTorchPath: null).Folder;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("localbloom-");
        try
        {
            string link = Path.Combine(folder.FullName, "linked");
            Directory.CreateSymbolicLink(link, own);
            string copy = folder.CreateSubdirectory("copied").FullName;
            foreach (string name in new[] { "libc10.so", "libtorch_cpu.so" })
            {
                File.WriteAllText(Path.Combine(copy, name), "never loaded");
            }

            Assert.Equal(link, TorchLibraries.Load(link).Folder);
            var error = Assert.Throws<NativeBackendException>(() => TorchLibraries.Load(copy));
            Assert.Contains("already runs the torch of", error.Message, StringComparison.Ordinal);
            Assert.Contains(copy, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Load_FromAFolderWithoutTorch_NamesPathOptionAndCure()
    {
        using var folder = new TemporaryFolder();

        var error = Assert.Throws<NativeBackendException>(() => TorchLibraries.Load(folder.Path));

        Assert.StartsWith($"LibTorchPath names {folder.Path}, where there is no {s_torchCpu}.", error.Message, StringComparison.Ordinal);
        Assert.Contains("torch/lib of a PyTorch", error.Message, StringComparison.Ordinal);
        Assert.Contains("python3 -c", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Engine_WithoutTorchInLibTorchPath_FailsTheLoadWithIt()
    {
        using var folder = new TemporaryFolder();
        using var engine = new BloomEngine(new BloomChatClientOptions
        {
            Model = Path.Combine(AppContext.BaseDirectory, "golden", "models", "safetensors-f32"),
            Devices = ["cpu"],
            LibTorchPath = folder.Path,
        });

        var error = await Assert.ThrowsAsync<NativeBackendException>(() => engine.LoadAsync(cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OfSomethingThatIsNoLibrary_NamesTheFile_AndKeepsTheLoadersError()
    {
        using var folder = new TemporaryFolder();
        folder.Write(s_torchCpu, "not a library");

        var error = Assert.Throws<NativeBackendException>(() => TorchLibraries.Load(folder.Path));

        Assert.StartsWith($"{folder.File(s_torchCpu)} does not load: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.NotNull(error.InnerException);
    }

    [Theory]
    [InlineData("/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libtorch_cpu.so)")]
    [InlineData("libstdc++.so.6: cannot open shared object file: No such file or directory")]
    public void Explain_AnOldCppRuntime_SaysWhatToInstall(string loader)
    {
        string message = TorchLibraries.Explain("/app/libLibTorchSharp.so", loader);

        Assert.Contains("GLIBCXX_3.4.32", message, StringComparison.Ordinal);
        Assert.Contains("Debian 13, Ubuntu 24.04 or newer", message, StringComparison.Ordinal);
        Assert.Contains("apt-get install -t trixie libstdc++6", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_AnythingElse_IsTheLoadersOwnWordsOnOneLine() =>
        Assert.Equal(
            "/app/libtorch.so does not load: libcudart.so.12: cannot open shared object file: No such file",
            TorchLibraries.Explain("/app/libtorch.so", "libcudart.so.12: cannot open\nshared object file: No such file\n"));

    [Theory]
    [InlineData("linux-x64", "add the package TorchSharp-cpu (or TorchSharp-cuda-linux) to")]
    [InlineData("ubuntu.24.04-x64", "add the package TorchSharp-cpu (or TorchSharp-cuda-linux) to")]
    [InlineData("win-x64", "add the package TorchSharp-cpu (or TorchSharp-cuda-windows) to")]
    [InlineData("osx-arm64", "add the package TorchSharp-cpu to")]
    public void ExplainMissing_NamesThePackagesOfThePlatform(string platform, string cure)
    {
        using var application = new TemporaryFolder();

        string message = TorchLibraries.ExplainMissing(application.Path, platform);

        Assert.StartsWith($"The native part of torch is missing: {cure} the application's project, ", message, StringComparison.Ordinal);
        Assert.EndsWith("in LOCALBLOOM_LIBTORCH.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExplainMissing_WhereThePackageIsAnotherPlatforms_SaysSo()
    {
        using var application = new TemporaryFolder();
        string native = Path.Combine(application.Path, "runtimes", "win-x64", "native");
        Directory.CreateDirectory(native);
        Directory.CreateDirectory(Path.Combine(application.Path, "runtimes", "linux-x64", "native")); // LibTorchSharp alone
        File.WriteAllText(Path.Combine(native, "torch_cpu.dll"), "");

        Assert.StartsWith(
            "The native part of torch is there for win-x64, but not for linux-x64: add the package TorchSharp-cpu (or TorchSharp-cuda-linux) ",
            TorchLibraries.ExplainMissing(application.Path, "linux-x64"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linux-arm64")]
    [InlineData("linux-musl-x64")]
    [InlineData("osx-x64")]
    [InlineData("win-arm64")]
    public void ExplainMissing_WhereNoPackageHelps_AdvisesNone(string platform) =>
        Assert.Equal(
            $"TorchSharp has no native part for {platform}: run the application on linux-x64 (with glibc), win-x64 or osx-arm64.",
            TorchLibraries.ExplainMissing(AppContext.BaseDirectory, platform));

    // The variable belongs to the whole process, so a process of its own reads it.
    [Fact]
    public async Task Variable_ThatNamesNoTorch_IsNamedInTheError()
    {
        string program = Path.ChangeExtension(typeof(TorchLibrariesTests).Assembly.Location, OperatingSystem.IsWindows() ? "exe" : null);
        Assert.SkipUnless(File.Exists(program), "the tests run without an executable of their own");
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo(program, ["-explicit", "only", "-method", $"{typeof(TorchLibrariesTests)}.{nameof(Child_LoadsByTheVariable)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["LOCALBLOOM_LIBTORCH"] = folder.Path },
        };

        using Process child = Process.Start(start)!;
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Contains($"The variable LOCALBLOOM_LIBTORCH names {folder.Path}, where there is no {s_torchCpu}.", output, StringComparison.Ordinal);
        Assert.NotEqual(0, child.ExitCode);
    }

    [Fact(Explicit = true)]
    public void Child_LoadsByTheVariable() => TorchLibraries.Load(libTorchPath: null);
}
