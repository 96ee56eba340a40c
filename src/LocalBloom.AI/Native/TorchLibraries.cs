using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>Finds and loads the native part of torch, before TorchSharp tries to, so that a failure says what to do.</summary>
internal static class TorchLibraries
{
    private const string Variable = "LOCALBLOOM_LIBTORCH";

    // Each library needs those before it; the CUDA ones are absent from a CPU build.
    private static readonly string[] s_inLoadingOrder = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    private static readonly string[] s_torchOfAnyPlatform = ["libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll"];

    /// <summary>Loads torch and TorchSharp's own library into the process. Loading again is free.</summary>
    /// <param name="libTorchPath">The <c>torch/lib</c> of an installed PyTorch; null for the variable LOCALBLOOM_LIBTORCH, or else the native package.</param>
    /// <returns>The folder, and handles of <c>torch_cpu</c> and, where there is one, <c>torch_cuda</c> (else 0).</returns>
    /// <exception cref="NativeBackendException">A library is missing or does not load.</exception>
    public static (string Folder, nint TorchCpu, nint TorchCuda) Load(string? libTorchPath)
    {
        string folder = FindTorch(libTorchPath);
        RefuseSecond(folder);
        var handles = new Dictionary<string, nint>();
        foreach (string name in s_inLoadingOrder)
        {
            string path = Path.Combine(folder, FileName(name));
            if (File.Exists(path))
            {
                handles[name] = LoadLibrary(path);
            }
        }

        if (Find(SearchFolders(), FileName("LibTorchSharp")) is not { } torchSharp)
        {
            throw new NativeBackendException(
                $"{FileName("LibTorchSharp")}, a part of the package TorchSharp, is not beside the application. " +
                "Publish the application for this platform (linux-x64, win-x64 or osx-arm64).");
        }

        LoadLibrary(Path.Combine(torchSharp, FileName("LibTorchSharp")));
        return (folder, handles["torch_cpu"], handles.GetValueOrDefault("torch_cuda"));
    }

    /// <summary>Opens a library that comes with a CUDA torch: it lies in torch's folder, in the packages beside, or where the system's loader looks.</summary>
    /// <param name="torchFolder">Where torch's libraries are.</param>
    /// <param name="names">File names, the best first.</param>
    /// <returns>Its handle; 0 where it is not found.</returns>
    public static nint OpenBeside(string torchFolder, params IEnumerable<string> names)
    {
        string packages = Path.GetFullPath(Path.Combine(torchFolder, "..", "..", "nvidia"));
        string[] folders = [torchFolder, .. Directory.Exists(packages) ? Directory.GetDirectories(packages).Select(package => Path.Combine(package, "lib")) : []];
        foreach (string name in names)
        {
            foreach (string path in folders.Select(folder => Path.Combine(folder, name)).Where(File.Exists).Append(name))
            {
                if (NativeLibrary.TryLoad(path, out nint library))
                {
                    return library;
                }
            }
        }

        return 0;
    }

    /// <summary>Says what to do about a library that the system's loader refused.</summary>
    internal static string Explain(string path, string error) =>
        error.Contains("GLIBCXX", StringComparison.Ordinal) || error.Contains("libstdc++", StringComparison.Ordinal)
            ? "This system's libstdc++ is older than torch needs (GLIBCXX_3.4.32): use Debian 13, Ubuntu 24.04 or newer, or, on Debian 12, " +
              "add the suite trixie at a low pin priority and run: apt-get install -t trixie libstdc++6"
            : $"{path} does not load: {error.ReplaceLineEndings(" ").Trim()}";

    /// <summary>Says what to do where there is no torch for this platform.</summary>
    /// <param name="application">The application's folder, where there may be one for another platform.</param>
    /// <param name="platform">This platform's runtime identifier.</param>
    internal static string ExplainMissing(string application, string platform)
    {
        bool isSupported = platform.EndsWith("-x64", StringComparison.Ordinal)
            ? !platform.StartsWith("osx", StringComparison.Ordinal) && !platform.Contains("musl", StringComparison.Ordinal)
            : platform == "osx-arm64";
        if (!isSupported)
        {
            return $"TorchSharp has no native part for {platform}: run the application on linux-x64 (with glibc), win-x64 or osx-arm64.";
        }

        string runtimes = Path.Combine(application, "runtimes");
        string others = string.Join(", ", (Directory.Exists(runtimes) ? Directory.EnumerateDirectories(runtimes) : [])
            .Where(folder => s_torchOfAnyPlatform.Any(name => File.Exists(Path.Combine(folder, "native", name))))
            .Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));
        string state = others.Length == 0 ? "is missing" : $"is there for {others}, but not for {platform}";
        string onGpus =
            platform.StartsWith("win", StringComparison.Ordinal) ? " (or TorchSharp-cuda-windows)" :
            platform.StartsWith("osx", StringComparison.Ordinal) ? "" :
            " (or TorchSharp-cuda-linux)";
        return $"The native part of torch {state}: add the package TorchSharp-cpu{onGpus} to the application's project, " +
            $"or name the folder torch/lib of an installed PyTorch in {Variable}.";
    }

    private static string FindTorch(string? libTorchPath)
    {
        string? named = libTorchPath ?? Environment.GetEnvironmentVariable(Variable);
        string library = FileName("torch_cpu");
        if (!string.IsNullOrEmpty(named))
        {
            return File.Exists(Path.Combine(named, library))
                ? named
                : throw new NativeBackendException(
                    $"{(libTorchPath is null ? $"The variable {Variable}" : nameof(BloomChatClientOptions.LibTorchPath))} names {named}, where there is no " +
                    $"{library}. It must be the folder torch/lib of a PyTorch 2.10 or newer, as printed by: " +
                    "python3 -c \"import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"");
        }

        return Find(SearchFolders(), library) ?? throw new NativeBackendException(
            ExplainMissing(AppContext.BaseDirectory, RuntimeInformation.RuntimeIdentifier));
    }

    // Two copies of libtorch in one process register everything twice, upon which it aborts.
    private static void RefuseSecond(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName("c10"))))
        {
            return; // no libtorch: it will not load
        }

        using var process = Process.GetCurrentProcess();
        string wanted = WithoutLinks(Path.Combine(folder, FileName("torch_cpu")));
        foreach (ProcessModule module in process.Modules)
        {
            if (Path.GetFileName(module.FileName) == Path.GetFileName(wanted) && WithoutLinks(module.FileName) != wanted)
            {
                throw new NativeBackendException(
                    $"This process already runs the torch of {Path.GetDirectoryName(module.FileName)}; that of {folder} cannot be added. " +
                    "Give every engine of a process the same LibTorchPath.");
            }
        }
    }

    // The loader tells libraries apart by what they are, not by the path that led to them.
    private static string WithoutLinks(string path)
    {
        string full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is not { } parent)
        {
            return full;
        }

        string here = Path.Combine(WithoutLinks(parent), Path.GetFileName(full));
        return File.ResolveLinkTarget(here, returnFinalTarget: true) is { } target ? WithoutLinks(target.FullName) : here;
    }

    private static string? Find(IEnumerable<string> folders, string file) => folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, file)));

    private static IEnumerable<string> SearchFolders()
    {
        string native = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string ownPlatform = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        return [AppContext.BaseDirectory, ownPlatform, .. native.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)];
    }

    private static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" :
        OperatingSystem.IsMacOS() ? $"lib{name}.dylib" :
        $"lib{name}.so";

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new NativeBackendException(Explain(path, e.Message), e);
        }
    }
}
