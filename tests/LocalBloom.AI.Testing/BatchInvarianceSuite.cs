namespace LocalBloom.AI.Testing;

/// <summary>
/// What company does to a reply in 16 bits. Products of more rows are summed in another order, so that a token may differ from the one that the
/// request gets alone: but only where float32 has both within rounding of the best. Subclass once per strategy of 16 bits.
/// </summary>
/// <typeparam name="TStrategy">Computes in 16 bits, and the same way whenever it is loaded.</typeparam>
/// <typeparam name="TExact">Computes in float32.</typeparam>
public abstract class BatchInvarianceSuite<TStrategy, TExact>(TwoStrategies<TStrategy, TExact> fixture) : IClassFixture<TwoStrategies<TStrategy, TExact>>
    where TStrategy : IStrategy
    where TExact : IStrategy
{
    private const int NewTokens = 24;

    // Prompts that go on by so many of the reference's tokens make more company, and rows of other lengths.
    private static readonly int[] s_continued = [0, 5, 10, 15];

    public static TheoryData<string> Models => [.. Golden.Models];

    [Theory]
    [MemberData(nameof(Models))]
    public void TokensInCompany_DifferOnlyWithinRounding(string model)
    {
        TestModel rounded = fixture.First.Model(model);
        GenerationRequest[] requests = Greedy(model);
        int[][] alone = [.. requests.Select(request => rounded.Generate(request).Single())];
        int[][] together = rounded.Generate(requests);
        double error = requests.Zip(alone).Max(pair => RoundingError(model, [.. pair.First.PromptIds, .. pair.Second], pair.First.PromptIds.Count));

        double[] gaps = [.. Enumerable.Range(0, requests.Length).Where(i => !alone[i].SequenceEqual(together[i])).Select(i => Gap(requests[i], alone[i], together[i]))];

        // The token that is chosen may be too high by the error, and the best too low by it.
        double bound = 2 * error;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Path.GetFileName(model)}: {gaps.Length} of {requests.Length} replies differ in company, where float32 has the tokens " +
            $"[{string.Join(", ", gaps.Select(gap => $"{gap:E2}"))}] below the best; bound {bound:E2}");
        Assert.All(together, reply => Assert.Equal(NewTokens, reply.Length));
        Assert.All(gaps, gap => Assert.InRange(gap, 0, bound));

        double Gap(GenerationRequest request, int[] one, int[] other)
        {
            int at = one.Zip(other).TakeWhile(pair => pair.First == pair.Second).Count();
            float[] logits = fixture.Second.Model(model).LastLogits([.. request.PromptIds, .. one[..at]]);
            return logits.Max() - Math.Min(logits[one[at]], logits[other[at]]);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void TheSameCompany_GivesTheSameTokens(string model)
    {
        GenerationRequest[] requests = [.. Greedy(model).Select((request, i) => i % 2 == 0 ? request : request with
        {
            Sampling = new() { Temperature = 1, TopP = 0.95f, Seed = i },
        })];
        using var fresh = new TestModel(StrategyFixture<TStrategy>.Options(model));

        Assert.Equal(fixture.First.Model(model).Generate(requests), fresh.Generate(requests));
    }

    private static GenerationRequest[] Greedy(string model) =>
    [
        .. s_continued.SelectMany(count => Golden.Read(model).Cases.Select(golden => new GenerationRequest
        {
            PromptIds = [.. golden.Ids, .. golden.Greedy24.Take(count)],
            MaxNewTokens = NewTokens,
            IgnoreEndOfSequence = true,
        })),
    ];

    // The most that 16 bits move the log-probability of float32's two best tokens, at each token of a reply. Alone: company must not excuse itself.
    private double RoundingError(string model, int[] ids, int promptLength)
    {
        float[][] rounded = fixture.First.Model(model).Logits(ids);
        float[][] wanted = fixture.Second.Model(model).Logits(ids);
        return Enumerable.Range(promptLength - 1, ids.Length - promptLength).Max(row =>
        {
            (double normal, double roundedNormal) = (LogSumExp(wanted[row]), LogSumExp(rounded[row]));
            IEnumerable<int> best = Enumerable.Range(0, wanted[row].Length).OrderByDescending(id => wanted[row][id]).Take(2);
            return best.Max(id => Math.Abs(wanted[row][id] - normal - (rounded[row][id] - roundedNormal)));
        });
    }

    private static double LogSumExp(float[] logits)
    {
        double largest = logits.Max();
        return largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
    }
}
