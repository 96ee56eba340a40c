using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Machine code of this library's CUDA sources, compiled once for each architecture, however many devices have it. Thread-safe.</summary>
/// <param name="compile">Compiles a source, shown by a file's name, with options.</param>
internal sealed partial class KernelCode(Func<string, string, IReadOnlyList<string>, byte[]> compile)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new();

    /// <summary>Gets machine code. Who asks while it is being compiled waits for it.</summary>
    /// <param name="file">For example <c>attention.cu</c>.</param>
    /// <param name="architecture">For example <c>sm_90a</c>.</param>
    /// <param name="type">What <c>number</c> is in the source.</param>
    /// <param name="definitions">Further macros.</param>
    /// <exception cref="LocalBloomException">The source does not compile. Nothing is kept of that: who asks next tries again.</exception>
    public byte[] For(string file, string architecture, ScalarType type, IEnumerable<(string Name, int Value)> definitions)
    {
        int number = type switch { ScalarType.Float32 => 0, ScalarType.Float16 => 1, _ => 2 };
        string[] options =
        [
            $"--gpu-architecture={architecture}",
            "--std=c++17",
            $"--define-macro=NUMBER_TYPE={number}",
            .. definitions.Select(definition => $"--define-macro={definition.Name}={definition.Value}"),
        ];
        Entry entry = _entries.GetOrAdd($"{file} {string.Join(' ', options)}", static _ => new Entry());
        lock (entry.Compiling)
        {
            return entry.Code ??= compile(Whole(file), file, options);
        }
    }

    // A source with what it includes in its place: there is no include path.
    private static string Whole(string name)
    {
        using var reader = new StreamReader(typeof(KernelCode).Assembly.GetManifestResourceStream(name)!);
        return Include().Replace(reader.ReadToEnd(), match => Whole(match.Groups[1].Value));
    }

    [GeneratedRegex("^#include \"(.*)\"\\r?$", RegexOptions.Multiline)]
    private static partial Regex Include();

    private sealed class Entry
    {
        public Lock Compiling { get; } = new();

        public byte[]? Code { get; set; }
    }
}
