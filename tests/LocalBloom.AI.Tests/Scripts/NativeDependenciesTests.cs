using System.Diagnostics;
using System.Globalization;

namespace LocalBloom.AI.Tests.Scripts;

/// <summary>Runs scripts/native-deps.sh against made-up systems: with LOCALBLOOM_DEPS_ROOT set it says what it would do and does nothing.</summary>
public sealed class NativeDependenciesTests : IDisposable
{
    private const string Deb822 = """
        Types: deb
        # a comment
        URIs: http://mirror.test/debian
        Suites: bookworm bookworm-updates
        Components: main
        Signed-By: /usr/share/keyrings/own.gpg

        Types: deb
        URIs: http://mirror.test/debian-security
        Suites: bookworm-security
        Components: main
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("deps root ");

    public NativeDependenciesTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs bash, which Windows does not bring");
        Write("lib64/ld-linux-x86-64.so.2", "");
    }

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void NewRuntime_NothingToDo()
    {
        GivenSystem("debian", "13", "GLIBCXX_3.4.32");

        Assert.Equal((0, ""), Run());
    }

    [Fact]
    public void Debian12_TakesTrixieFromTheSystemsOwnMirror()
    {
        GivenSystem("debian", "12");
        Write("etc/apt/sources.list.d/debian.sources", Deb822);

        (int status, string said) = Run();

        Assert.Equal(0, status);
        Assert.Contains("URIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/own.gpg\n", said, StringComparison.Ordinal);
        Assert.Contains("Pin: release n=trixie\nPin-Priority: 100\n", said, StringComparison.Ordinal);
        Assert.Contains("-t trixie libstdc++6", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Debian12_ReadsTheOneLineFormatToo()
    {
        GivenSystem("debian", "12");
        Write("etc/apt/sources.list", "# deb http://old.test bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://line.test/debian bookworm main contrib\n");

        (int status, string said) = Run();

        Assert.Equal(0, status);
        Assert.Contains("URIs: http://line.test/debian\n", said, StringComparison.Ordinal);
        Assert.Contains("Signed-By: /k.gpg\n", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("etc/apt/sources.list.d/newer.list", "deb http://mirror.test/debian trixie main\n")]
    [InlineData("etc/apt/sources.list.d/newer.sources", "Types: deb\nURIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\n")]
    public void Debian12_WhichOffersTrixie_GetsNoSecondSource(string file, string text)
    {
        GivenSystem("debian", "12");
        Write(file, text);

        (int status, string said) = Run();

        Assert.Equal(0, status);
        Assert.DoesNotContain("would write", said, StringComparison.Ordinal);
        Assert.Contains("-t trixie libstdc++6", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ubuntu", "22.04", "ppa:ubuntu-toolchain-r/test")]
    [InlineData("debian", "11", "Debian 13 has it")]
    [InlineData("fedora", "37", "conda install")]
    public void OtherOldSystems_AreToldWhatTheyNeed(string id, string version, string expected)
    {
        GivenSystem(id, version);

        (int status, string said) = Run();

        Assert.Equal(1, status);
        Assert.Contains(expected, said, StringComparison.Ordinal);
    }

    [Fact]
    public void Musl_IsRefused()
    {
        GivenSystem("alpine", "3.22");
        File.Delete(Path.Combine(_root.FullName, "lib64/ld-linux-x86-64.so.2"));
        Write("lib/ld-musl-x86_64.so.1", "");

        (int status, string said) = Run();

        Assert.Equal(1, status);
        Assert.Contains("musl", said, StringComparison.Ordinal);
    }

    private void GivenSystem(string id, string version, string newest = "GLIBCXX_3.4.30")
    {
        Write("etc/os-release", string.Create(CultureInfo.InvariantCulture, $"ID={id}\nVERSION_ID=\"{version}\"\n"));
        Write("usr/lib/x86_64-linux-gnu/libstdc++.so.6", $"GLIBCXX_3.4.29\0{newest}\0");
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private (int Status, string Said) Run()
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(AppContext.BaseDirectory, "scripts", "native-deps.sh")])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        start.Environment["LOCALBLOOM_DEPS_ROOT"] = _root.FullName;
        start.Environment["LOCALBLOOM_DEPS_SYSTEM"] = "Linux";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said);
    }
}
