using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Engine;

public sealed class EngineReplyTests : IDisposable
{
    private readonly BloomEngine _engine = GoldenEngine.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _engine.Dispose();

    // Random tokens: special ones, single bytes, broken and late completed characters.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Texts_OfTheDeltas_AreTheDecodedIds(long seed)
    {
        List<GenerationDelta> deltas = await _engine.Collect(GoldenEngine.Sampled(seed, 120), Cancellation).Soon();

        Assert.Equal(120, deltas.Count);
        Assert.Equal(GoldenEngine.Tokenizer.Decode(deltas.Select(delta => delta.TokenId), skipSpecialTokens: true), Text(deltas));
        Assert.All(deltas.SkipLast(1), delta => Assert.Null(delta.FinishReason));
        Assert.Equal(ChatFinishReason.Length, deltas[^1].FinishReason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task StopSequence_OverSeveralTokens_EndsTheReplyBeforeIt(long seed)
    {
        GenerationRequest request = GoldenEngine.Sampled(seed, 120);
        List<GenerationDelta> whole = await _engine.Collect(request, Cancellation).Soon();
        string text = Text(whole);
        int last = Enumerable.Range(40, 60).First(i => IsCut(whole, text, i));
        (string stop, int at) = StopOver(whole, last);

        List<GenerationDelta> stopped = await _engine.Collect(request with { StopSequences = ["\0never", stop] }, Cancellation).Soon();

        Assert.Equal(text[..at], Text(stopped));
        Assert.Equal(whole.Take(last + 1).Select(delta => delta.TokenId), stopped.Select(delta => delta.TokenId));
        Assert.Equal(ChatFinishReason.Stop, stopped[^1].FinishReason);
    }

    [Fact]
    public async Task StopSequence_ThatDoesNotCome_HoldsNothingBackAtTheEnd()
    {
        GenerationRequest request = GoldenEngine.Sampled(1, 50);
        List<GenerationDelta> whole = await _engine.Collect(request, Cancellation).Soon();

        List<GenerationDelta> same = await _engine.Collect(request with { StopSequences = [Text(whole)[^3..] + "\0"] }, Cancellation).Soon();

        Assert.Equal(Text(whole), Text(same));
        Assert.Equal(ChatFinishReason.Length, same[^1].FinishReason);
    }

    [Fact]
    public async Task EndOfSequence_EndsTheReply_UnlessItIsIgnored()
    {
        GoldenCase golden = Golden.Read(GoldenEngine.Folder).Cases.First(golden => golden.Greedy24Eos.Count is > 1 and < 20);
        var request = new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 24 };

        List<GenerationDelta> ended = await _engine.Collect(request, Cancellation).Soon();
        List<GenerationDelta> ignored = await _engine.Collect(request with { IgnoreEndOfSequence = true }, Cancellation).Soon();

        Assert.Equal(golden.Greedy24Eos, ended.Select(delta => delta.TokenId));
        Assert.Equal(ChatFinishReason.Stop, ended[^1].FinishReason);
        Assert.Equal(GoldenEngine.Tokenizer.Decode(golden.Greedy24Eos.SkipLast(1), skipSpecialTokens: false), Text(ended));
        Assert.Equal(golden.Greedy24, ignored.Select(delta => delta.TokenId));
        Assert.Equal(ChatFinishReason.Length, ignored[^1].FinishReason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(15)]
    public async Task ContextsEnd_EndsTheReply(int promptTokens)
    {
        using BloomEngine engine = GoldenEngine.Create(context: 16);
        GenerationRequest request = GoldenEngine.Sampled(1, 100) with { PromptIds = [.. Enumerable.Range(500, promptTokens)] };

        List<GenerationDelta> deltas = await engine.Collect(request, Cancellation).Soon();

        Assert.Equal(16 - promptTokens, deltas.Count);
        Assert.Equal(ChatFinishReason.Length, deltas[^1].FinishReason);
    }

    [Fact]
    public async Task Reply_AtTheContextsEnd_IsThatOfALongerContext()
    {
        using BloomEngine small = GoldenEngine.Create(context: 32);
        GenerationRequest request = GoldenEngine.Sampled(1, 100);

        List<GenerationDelta> cut = await small.Collect(request, Cancellation).Soon();
        List<GenerationDelta> whole = await _engine.Collect(request, Cancellation).Soon();

        Assert.Equal(whole.Take(31).Select(delta => delta.TokenId), cut.Select(delta => delta.TokenId));
    }

    private static string Text(IEnumerable<GenerationDelta> deltas) => string.Concat(deltas.Select(delta => delta.Text));

    // The end of one delta and the beginning of the next.
    private static (string Stop, int At) StopOver(List<GenerationDelta> deltas, int last)
    {
        int at = Text(deltas.Take(last)).Length - 1;
        return (Text(deltas).Substring(at, 2), at);
    }

    private static bool IsCut(List<GenerationDelta> deltas, string text, int last) =>
        deltas[last - 1].Text.Length > 0 && deltas[last].Text.Length > 0 &&
        text.IndexOf(StopOver(deltas, last).Stop, StringComparison.Ordinal) == StopOver(deltas, last).At;
}
