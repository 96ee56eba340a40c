using LocalBloom.AI.Tests.Diagnostics;
using LocalBloom.AI.Tests.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class EmbeddingGeneratorTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task ManyTexts_DoNotFillTheQueueThatTheyWaitIn(int maxQueued)
    {
        using var watched = new WatchedEngine(options => options.MaxQueuedRequests = maxQueued);
        using var generator = new BloomEmbeddingGenerator(watched.Engine);

        GeneratedEmbeddings<Embedding<float>> embeddings = await generator.GenerateAsync(
            Enumerable.Range(0, 60).Select(i => $"text {i}"), cancellationToken: Cancellation).Soon();

        Assert.Equal(60, embeddings.Count);
        Assert.DoesNotContain("RequestRejected", watched.Events);
    }

    [Theory]
    [InlineData(100, "Text 2 of 4 has at least 100 tokens, but must have fewer than 64 to be embedded.")]
    [InlineData(100_000, "Text 2 of 4 has at least ")] // refused before it is encoded
    public async Task ATextThatIsTooLong_IsNamed(int words, string expected)
    {
        using var watched = new WatchedEngine(options => options.MaxContextTokens = 64);
        using var generator = new BloomEmbeddingGenerator(watched.Engine);
        string text = string.Concat(Enumerable.Repeat(" the", words));

        ContextOverflowException error = await Assert.ThrowsAsync<ContextOverflowException>(
            () => generator.GenerateAsync(["a", "b", text, "c"], cancellationToken: Cancellation).Soon());

        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.InRange(error.PromptTokens, 64, words);
        Assert.Equal(64, error.MaxContextTokens);
    }

    [Fact]
    public async Task AnOptionThatMeansNothing_IsRefused_OrLogged()
    {
        using var watched = new WatchedEngine();
        using var generator = new BloomEmbeddingGenerator(watched.Engine);

        NotSupportedException refused = await Assert.ThrowsAsync<NotSupportedException>(
            () => generator.GenerateAsync(["a"], new() { RawRepresentationFactory = _ => null }, Cancellation));
        await generator.GenerateAsync(["a"], new() { AdditionalProperties = new() { ["truncate"] = true } }, Cancellation).Soon();

        Assert.Contains("RawRepresentationFactory", refused.Message, StringComparison.Ordinal);
        Assert.Contains("AdditionalProperties[truncate]", watched.TextOf("RequestPartsIgnored"), StringComparison.Ordinal);
    }
}
