using System.Diagnostics;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Loading;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Engine;

/// <summary>Engines over the reference checkpoint whose replies end by themselves, and requests to them.</summary>
internal static class GoldenEngine
{
    /// <summary>So many tokens take minutes: a test that waits for one of <see cref="Endless"/> to end fails by its deadline.</summary>
    public const int EndlessTokens = 100_000;

    public static string Folder { get; } = Golden.Model("safetensors-f16-stops");

    public static BloomTokenizer Tokenizer { get; } = BloomTokenizer.Load(Path.Combine(Folder, "tokenizer.json"));

    public static BloomEngine Create(string? folder = null, int context = 512) =>
        new(new BloomChatClientOptions { Model = folder ?? Folder, Devices = ["cpu"], MaxContextTokens = context });

    public static BloomEngine CreateForEndless() => Create(context: 131_072);

    public static GenerationRequest Greedy(int tokens) => new() { PromptIds = [3123], MaxNewTokens = tokens };

    public static GenerationRequest Sampled(long seed, int tokens) => Greedy(tokens) with
    {
        IgnoreEndOfSequence = true,
        Sampling = new SamplingSettings { Temperature = 1.5f, Seed = seed },
    };

    public static GenerationRequest Endless { get; } = Sampled(seed: 1, EndlessTokens);

    public static async Task<List<GenerationDelta>> Collect(
        this BloomEngine engine, GenerationRequest request, CancellationToken cancellationToken)
    {
        var deltas = new List<GenerationDelta>();
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, cancellationToken))
        {
            deltas.Add(delta);
        }

        return deltas;
    }

    /// <summary>Reads an endless reply in the background and says when it has begun.</summary>
    public static (Task Begun, Task End) StartEndless(this BloomEngine engine, CancellationToken cancellationToken)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return (begun.Task, Read());

        async Task Read()
        {
            await foreach (GenerationDelta delta in engine.GenerateAsync(Endless, cancellationToken))
            {
                begun.TrySetResult();
            }
        }
    }

    /// <summary>Fails where something takes longer than a busy machine explains.</summary>
    public static Task Soon(this Task task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    /// <inheritdoc cref="Soon(Task)"/>
    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    /// <summary>Gives a copy of the checkpoint's folder, to be broken.</summary>
    public static TemporaryFolder Copy() => new TemporaryFolder().CopyFrom(Folder);

    /// <summary>Gives the process's engine threads. The system keeps 15 characters of a thread's name.</summary>
    public static int CountThreads() => Directory.GetDirectories("/proc/self/task").Count(IsEngine);

    /// <summary>Waits for ended threads to be gone: the system takes a moment after the last instruction.</summary>
    public static bool AreThreadsGone()
    {
        long start = Stopwatch.GetTimestamp();
        while (CountThreads() > 0 && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5))
        {
            Thread.Sleep(10);
        }

        return CountThreads() == 0;
    }

    private static bool IsEngine(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("BLOOM ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it ended in between
        }
    }
}

/// <summary>Calls back on the engine thread, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class CallingProgress(Action<LoadProgress> report) : IProgress<LoadProgress>
{
    public void Report(LoadProgress value) => report(value);
}

/// <summary>Holds a load at its first tensor until it is let go.</summary>
internal sealed class HeldLoad : IProgress<LoadProgress>, IDisposable
{
    private readonly ManualResetEventSlim _go = new();
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Reached => _reached.Task;

    public void Report(LoadProgress value)
    {
        _reached.TrySetResult();
        _go.Wait();
    }

    public void Go() => _go.Set();

    public void Dispose() => _go.Dispose();
}
