using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace LocalBloom.AI.DemoModel.Tests;

public sealed class ManyCallersTests(ITestOutputHelper output) : IDisposable
{
    private const int Callers = 32;

    private readonly ServiceProvider _services = Services();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _services.Dispose();

    // A few seconds here; LOCALBLOOM_SOAK_SECONDS makes it longer, and then it is alone in the process and the memory is held to be flat.
    [Fact]
    public async Task ManyCallers_ThatComeAndGo_EachGetWhatTheyGetAlone()
    {
        bool isSoak = Environment.GetEnvironmentVariable("LOCALBLOOM_SOAK_SECONDS") is not null;
        double seconds = double.Parse(Environment.GetEnvironmentVariable("LOCALBLOOM_SOAK_SECONDS") ?? "5", CultureInfo.InvariantCulture);
        IChatClient client = _services.GetRequiredService<IChatClient>();
        Request[] requests = [.. Enumerable.Range(0, 24).Select(Request.Create)];
        string[] alone = new string[requests.Length];
        for (int i = 0; i < requests.Length; i++)
        {
            alone[i] = (await client.GetResponseAsync(requests[i].Messages, requests[i].Options, Cancellation)).Text;
        }

        var errors = new ConcurrentQueue<string>();
        int finished = 0, cancelled = 0;
        long start = Stopwatch.GetTimestamp();
        Task all = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => Call(caller), Cancellation)));
        await Task.Delay(TimeSpan.FromSeconds(seconds / 2), Cancellation);
        long half = Memory(); // by then the cache has been written to, and heaps have what they need
        await Task.Delay(TimeSpan.FromSeconds(seconds / 4), Cancellation);
        long threeQuarters = Memory();
        await all;

        long grown = Memory() - half;
        output.WriteLine($"{Callers} callers, {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s: {finished} replies, {cancelled} cancelled, {half / 1e6:0.0} MB half-way, {(threeQuarters - half) / 1e6:0.0} MB more at three quarters, {grown / 1e6:0.0} MB more at the end");
        Assert.Empty(errors);
        await EngineRest.AssertNothingAsync(client.GetRequiredService<BloomEngine>(), Cancellation);
        Assert.True(finished > 0 && cancelled > 0);
        if (isSoak)
        {
            Assert.InRange(grown, long.MinValue, 32L << 20); // what malloc keeps between threads
        }

        async Task Call(int caller)
        {
            var random = new Random(caller);
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
            {
                int i = random.Next(requests.Length);
                using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
                if (random.Next(3) == 0)
                {
                    leaving.CancelAfter(random.Next(1, 150));
                }

                try
                {
                    string text = (await client.GetResponseAsync(requests[i].Messages, requests[i].Options, leaving.Token)).Text;
                    Interlocked.Increment(ref finished);
                    if (text != alone[i])
                    {
                        errors.Enqueue($"request {i}: '{text}' in company, '{alone[i]}' alone");
                    }
                }
                catch (OperationCanceledException) when (leaving.IsCancellationRequested)
                {
                    Interlocked.Increment(ref cancelled);
                }
            }
        }
    }

    private static ServiceProvider Services()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient(options =>
        {
            options.Devices = ["cpu"];
            options.NumberType = BloomNumberType.Float32;
            options.CacheTokens = 8192; // all of it is soon in use, so that its first touch is no growth later
        });
        return services.BuildServiceProvider();
    }

    private static long Memory()
    {
        GC.Collect();
        return ProcessMemory.Anonymous();
    }

    // Different prompts, lengths, seeds and stop words.
    private sealed record Request(ChatMessage[] Messages, ChatOptions Options)
    {
        public static Request Create(int number)
        {
            string passage = string.Join(' ', Enumerable.Range(0, 1 + (number % 7)).Select(i => $"Room {number + i} is kept by Anna number {i} and opens at {i + 8} o'clock."));
            var options = new ChatOptions { MaxOutputTokens = 8 + (3 * number) };
            if (number % 2 == 1)
            {
                options.Temperature = 0.9f;
                options.Seed = number;
            }

            if (number % 3 == 0)
            {
                options.StopSequences = ["a", "\n"];
            }

            return new Request([new ChatMessage(ChatRole.User, $"{passage}\n\nWho keeps room {number}?")], options);
        }
    }
}
