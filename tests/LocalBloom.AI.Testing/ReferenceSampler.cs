using LocalBloom.AI.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>The oracle of sampling: one sequence at a time, in double arithmetic on the host.</summary>
internal sealed class ReferenceSampler
{
    // The head of a sorted vocabulary nearly always decides; sorting all of BLOOM's 250,880 entries for each token would cost more than a layer.
    private const int FirstLook = 1024;

    private readonly SamplingSettings _settings;
    private readonly Random _random;
    private readonly HashSet<int> _seen = [];
    private readonly Dictionary<int, int> _replyCounts = [];

    /// <summary>Initializes a new instance of the <see cref="ReferenceSampler"/> class.</summary>
    /// <param name="settings">How tokens are chosen.</param>
    /// <param name="promptIds">Tokens that the repetition penalty counts as seen.</param>
    public ReferenceSampler(SamplingSettings settings, IEnumerable<int> promptIds)
    {
        _settings = settings;
        _random = RandomPoints.Create(settings.Seed, reply: 0);
        _seen.UnionWith(promptIds);
    }

    /// <summary>Chooses the next token and counts it as part of the reply.</summary>
    /// <param name="logits">[vocabulary], float32, on any device; unchanged.</param>
    public int Next(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor penalized = Penalize(logits);
        (Tensor peak, Tensor best) = penalized.max(0);
        if (!float.IsFinite(peak.item<float>()))
        {
            throw new LocalBloomException(
                "The model's logits are not numbers. Either its weights are broken, or they overflow this number type: try BFloat16 or Float32.");
        }

        int id;
        if (_settings.Temperature == 0)
        {
            id = (int)best.item<long>();
        }
        else
        {
            double point = _random.NextDouble();
            id = Warp(penalized - peak, _settings, point).At(point); // at most 0, so that no temperature makes it overflow upwards
        }

        Count(id);
        return id;
    }

    /// <summary>Counts a token as part of the reply.</summary>
    public void Count(int id)
    {
        _seen.Add(id);
        _replyCounts[id] = _replyCounts.GetValueOrDefault(id) + 1;
    }

    /// <summary>Applies temperature, top-k and top-p, in transformers' order.</summary>
    /// <param name="logits">[vocabulary], float32, penalties applied.</param>
    /// <param name="settings">A temperature above 0.</param>
    /// <param name="mass">Without top-k, at least so much of the kept probability is listed; the rest of it may be left out.</param>
    public static TokenDistribution Warp(Tensor logits, SamplingSettings settings, double mass)
    {
        using DisposeScope scope = NewDisposeScope();
        int vocabulary = (int)logits.shape[0];
        Tensor scaled = logits / settings.Temperature;
        bool isCut = settings.TopK > 0;
        double needed = Math.Max(mass, settings.TopP < 1 ? settings.TopP : 0);
        for (int width = Math.Min(isCut ? settings.TopK : FirstLook, vocabulary); ; width = vocabulary)
        {
            (Tensor values, Tensor ids) = scaled.topk(width, 0, largest: true, sorted: true);
            if (isCut && width < vocabulary && (int)(scaled >= values[width - 1]).sum().item<long>() is var tied && tied > width)
            {
                (values, ids) = scaled.topk(tied, 0, largest: true, sorted: true); // like transformers: equals of the k-th are kept too
            }

            double normalizer = (isCut ? values : scaled).logsumexp(0).item<float>();
            double[] probabilities = [.. values.cpu().data<float>().ToArray().Select(value => Math.Exp(value - normalizer))];
            double sum = probabilities.Sum();
            bool isComplete = isCut || width == vocabulary;
            if (isComplete || sum > needed)
            {
                if (isComplete)
                {
                    // The normalizer is a float32, some 1e-6 off: what is missing must not fall to the least probable token.
                    probabilities = [.. probabilities.Select(probability => probability / sum)];
                }

                return Nucleus([.. ids.cpu().data<long>().ToArray().Select(id => (int)id)], probabilities, settings.TopP);
            }
        }
    }

    /// <summary>Applies the penalties for what stands in prompt and reply.</summary>
    /// <param name="logits">[vocabulary], float32; unchanged.</param>
    /// <returns>[vocabulary], <paramref name="logits"/> itself where there is nothing to penalize.</returns>
    public Tensor Penalize(Tensor logits)
    {
        Tensor result = logits;
        if (_settings.RepetitionPenalty != 1 && _seen.Count > 0)
        {
            Tensor seen = tensor(_seen.Select(id => (long)id).ToArray(), ScalarType.Int64, logits.device);
            Tensor values = logits.index_select(0, seen);
            result = result.clone().scatter_(0, seen, where(values < 0, values * _settings.RepetitionPenalty, values / _settings.RepetitionPenalty));
        }

        if ((_settings.FrequencyPenalty != 0 || _settings.PresencePenalty != 0) && _replyCounts.Count > 0)
        {
            Tensor ids = tensor(_replyCounts.Keys.Select(id => (long)id).ToArray(), ScalarType.Int64, logits.device);
            float[] losses = [.. _replyCounts.Values.Select(count => -(_settings.PresencePenalty + (count * _settings.FrequencyPenalty)))];
            result = result.scatter_add(0, ids, tensor(losses, ScalarType.Float32, logits.device));
        }

        return result;
    }

    // Keeps a token while the tokens before it have less than topP together.
    private static TokenDistribution Nucleus(int[] ids, double[] probabilities, double topP)
    {
        if (topP >= 1)
        {
            return new TokenDistribution(ids, probabilities);
        }

        int kept = 0;
        double before = 0;
        while (kept < ids.Length && (kept == 0 || before < topP))
        {
            before += probabilities[kept++];
        }

        return new TokenDistribution(ids[..kept], [.. probabilities.Take(kept).Select(probability => probability / before)]);
    }
}
