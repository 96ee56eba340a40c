using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Engine;

public class GenerationRequestValidatorTests
{
    private const int Vocabulary = 100;
    private const int Context = 16;

    private static readonly ModelFootprint s_footprint =
        new(BloomConfig.ForShape("1,64,4,100"), new(ScalarType.Float32), Context) { MaxSequences = 8, CacheTokens = 4 * Context };

    private static readonly GenerationRequest s_right = new() { PromptIds = [0, 99], MaxNewTokens = 1, StopSequences = ["."] };

    // By the name of the property that is at fault; a suffix tells the cases of one property apart.
    private static readonly Dictionary<string, Func<GenerationRequest>> s_wrong = new()
    {
        ["PromptIds null"] = () => s_right with { PromptIds = null! },
        ["PromptIds empty"] = () => s_right with { PromptIds = [] },
        ["PromptIds negative"] = () => s_right with { PromptIds = [-1] },
        ["PromptIds beyond"] = () => s_right with { PromptIds = [Vocabulary] },
        ["MaxNewTokens 0"] = () => s_right with { MaxNewTokens = 0 },
        ["StopSequences null"] = () => s_right with { StopSequences = null! },
        ["StopSequences empty one"] = () => s_right with { StopSequences = [".", ""] },
        ["StopSequences null one"] = () => s_right with { StopSequences = [null!] },
        ["StopSequences 65"] = () => s_right with { StopSequences = [.. Enumerable.Range(0, 65).Select(i => $"{i}")] },
        ["StopSequences long one"] = () => s_right with { StopSequences = [".", new string('a', 1025)] },
        ["Sampling null"] = () => s_right with { Sampling = null! },
        ["Temperature negative"] = () => Sampling(new() { Temperature = -0.1f }),
        ["Temperature NaN"] = () => Sampling(new() { Temperature = float.NaN }),
        ["Temperature infinite"] = () => Sampling(new() { Temperature = float.PositiveInfinity }),
        ["TopK negative"] = () => Sampling(new() { TopK = -1 }),
        ["TopP 0"] = () => Sampling(new() { TopP = 0 }),
        ["TopP beyond"] = () => Sampling(new() { TopP = 1.01f }),
        ["TopP NaN"] = () => Sampling(new() { TopP = float.NaN }),
        ["RepetitionPenalty 0"] = () => Sampling(new() { RepetitionPenalty = 0 }),
        ["RepetitionPenalty NaN"] = () => Sampling(new() { RepetitionPenalty = float.NaN }),
        ["FrequencyPenalty infinite"] = () => Sampling(new() { FrequencyPenalty = float.NegativeInfinity }),
        ["MinNewTokens negative"] = () => Sampling(new() { MinNewTokens = -1 }),
        ["TopLogProbabilities negative"] = () => Sampling(new() { TopLogProbabilities = -1 }),
        ["TopLogProbabilities beyond"] = () => Sampling(new() { TopLogProbabilities = 21 }),
        ["LogitBias null"] = () => Sampling(new() { LogitBias = null! }),
        ["LogitBias beyond"] = () => Sampling(new() { LogitBias = new Dictionary<int, float> { [Vocabulary] = 1 } }),
        ["LogitBias NaN"] = () => Sampling(new() { LogitBias = new Dictionary<int, float> { [0] = float.NaN } }),
        ["ReplyCount 0"] = () => Sampling(new() { ReplyCount = 0 }),
        ["ReplyCount 17"] = () => Sampling(new() { ReplyCount = 17 }),
        ["ReplyCount beyond the beams"] = () => Sampling(new() { ReplyCount = 3, BeamCount = 2 }),
        ["BeamCount 0"] = () => Sampling(new() { BeamCount = 0 }),
        ["BeamCount that is drawn"] = () => Sampling(new() { BeamCount = 2, Temperature = 1 }),
        ["BeamCount with penalties"] = () => Sampling(new() { BeamCount = 2, PresencePenalty = 1 }),
        ["LengthPenalty NaN"] = () => Sampling(new() { LengthPenalty = float.NaN }),
        ["MaxConcurrentReplies exceeded"] = () => Sampling(new() { ReplyCount = 9 }),
        ["CacheTokens exceeded"] = () => Sampling(new() { BeamCount = 5 }) with { MaxNewTokens = 14 },
        ["Timeout 0"] = () => s_right with { Timeout = TimeSpan.Zero },
        ["PresencePenalty NaN"] = () => Sampling(new() { PresencePenalty = float.NaN }),
    };

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    [Fact]
    public void Validate_RightRequests_Pass()
    {
        GenerationRequestValidator.Validate(s_right, Vocabulary, s_footprint);
        GenerationRequestValidator.Validate(s_right with { PromptIds = new int[Context - 1], MaxNewTokens = int.MaxValue }, Vocabulary, s_footprint);
        GenerationRequestValidator.Validate(
            s_right with { StopSequences = [.. Enumerable.Range(0, 64).Select(i => $"{i}".PadRight(1024))] }, Vocabulary, s_footprint);
        GenerationRequestValidator.Validate(Sampling(new() { TopP = float.Epsilon, TopK = int.MaxValue, FrequencyPenalty = -2 }), Vocabulary, s_footprint);
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Validate_WrongRequest_NamesTheProperty(string name)
    {
        var error = Assert.Throws<ArgumentException>("request", () => GenerationRequestValidator.Validate(s_wrong[name](), Vocabulary, s_footprint));

        Assert.Contains(name.Split(' ')[0], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_PromptThatFillsTheContext_HasBothNumbers()
    {
        var error = Assert.Throws<ContextOverflowException>(() => GenerationRequestValidator.Validate(s_right with { PromptIds = new int[Context] }, Vocabulary, s_footprint));

        Assert.Equal((Context, Context), (error.PromptTokens, error.MaxContextTokens));
    }

    private static GenerationRequest Sampling(SamplingSettings sampling) => s_right with { Sampling = sampling };
}
