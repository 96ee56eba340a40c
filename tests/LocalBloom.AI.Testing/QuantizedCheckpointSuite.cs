namespace LocalBloom.AI.Testing;

/// <summary>A checkpoint that was quantised once computes what quantising while loading does. Subclass once per strategy with int8 matrices.</summary>
/// <param name="skipped">Matrices that stay numbers where bits are compared; null for none.</param>
public abstract class QuantizedCheckpointSuite<TStrategy>(string[]? skipped = null) : IDisposable
    where TStrategy : IStrategy
{
    /// <summary>Those whose columns ranks share: quantising while loading rounds a rank's columns by their own largest, and not by that of the whole row.</summary>
    protected static readonly string[] SharedColumns = ["self_attention.dense", "mlp.dense_4h_to_h"];

    private readonly string _folder = Directory.CreateTempSubdirectory("localbloom-").FullName;

    public static TheoryData<string> Folders => [.. Golden.Models];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task LogitsAndTokens_AreThoseOfQuantizingWhileLoading_BitForBit(string folder)
    {
        BloomChatClientOptions original = StrategyFixture<TStrategy>.Options(folder);
        original.Int8SkipModules = skipped;
        IReadOnlyList<GoldenCase> cases = Golden.Read(folder).Cases;
        using TestModel stored = await QuantizeAndLoadAsync(original);
        using var expected = new TestModel(original);

        Assert.True(stored.Loaded.Plan.Footprint.Format.IsInt8);
        Assert.Equal(expected.Loaded.Plan.Footprint.Format.Type, stored.Loaded.Plan.Footprint.Format.Type);
        foreach (GoldenCase golden in cases)
        {
            float[][] wanted = expected.Logits(golden.Ids);
            float[][] logits = stored.Logits(golden.Ids);
            Assert.Equal(wanted, logits);
            Assert.Equal(LogLikelihood.NegativeOfPrompt(wanted, golden.Ids), LogLikelihood.NegativeOfPrompt(logits, golden.Ids));
        }

        GenerationRequest[] requests = [.. cases.Select(golden => new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 24, IgnoreEndOfSequence = true })];
        Assert.Equal(expected.Generate(requests), stored.Generate(requests));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task PromptNlls_AreTheReference_WithinWhatEightBitsCost(string folder)
    {
        using TestModel stored = await QuantizeAndLoadAsync(StrategyFixture<TStrategy>.Options(folder));

        Assert.All(Golden.Read(folder).Cases, golden => Assert.Equal(
            golden.PromptNll, LogLikelihood.NegativeOfPrompt(stored.Logits(golden.Ids), golden.Ids), Math.Max(1e-6, 1e-2 * golden.PromptNll)));
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private async Task<TestModel> QuantizeAndLoadAsync(BloomChatClientOptions original)
    {
        await BloomCheckpoint.QuantizeAsync(original, _folder, cancellationToken: Cancellation);
        BloomChatClientOptions options = original.Copy();
        (options.Model, options.WeightFormat, options.Int8SkipModules) = (_folder, BloomWeightFormat.Auto, null); // what the folder is, it says itself
        options.Strategy = options.Strategy is BloomStrategy.Int8 ? BloomStrategy.SingleDevice : options.Strategy;
        return new TestModel(options);
    }
}
