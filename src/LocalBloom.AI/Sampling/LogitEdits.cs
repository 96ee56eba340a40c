using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Sampling;

/// <summary>Changes of single logits of a step, collected for all its rows and applied together.</summary>
/// <param name="firstToken">The token with which the rows begin: they may be a slice of the vocabulary, and other slices' tokens are left to them.</param>
/// <param name="width">A row's length.</param>
internal sealed class LogitEdits(long firstToken, long width)
{
    private readonly List<long> _scaled = [];
    private readonly List<float> _factors = [];
    private readonly List<long> _shifted = [];
    private readonly List<float> _shifts = [];
    private readonly List<long> _banned = [];

    /// <summary>Collects what a request changes: penalties first, then bias, as the field does.</summary>
    /// <param name="request">The request.</param>
    /// <param name="row">Its row in the logits that will be edited.</param>
    public void Add(SampleRequest request, int row)
    {
        long first = (row * width) - firstToken;
        SamplingSettings settings = request.Settings;
        if (settings.RepetitionPenalty != 1)
        {
            foreach (int id in request.Tokens.Where(IsHere).Distinct())
            {
                _scaled.Add(first + id);
                _factors.Add(settings.RepetitionPenalty);
            }
        }

        if (settings.FrequencyPenalty != 0 || settings.PresencePenalty != 0)
        {
            foreach ((int id, int count) in request.Tokens.Skip(request.PromptLength).Where(IsHere).CountBy(id => id))
            {
                Shift(first + id, -(settings.PresencePenalty + (count * settings.FrequencyPenalty)));
            }
        }

        foreach ((int id, float bias) in settings.LogitBias.Where(bias => IsHere(bias.Key)))
        {
            Shift(first + id, bias);
        }

        _banned.AddRange(request.Banned.Where(IsHere).Select(id => first + id));
    }

    /// <summary>Applies what was collected.</summary>
    /// <param name="logits">[rows, width], float32; changed in place.</param>
    public void ApplyTo(Tensor logits)
    {
        Tensor flat = logits.view(-1);
        if (_scaled.Count > 0)
        {
            Tensor at = tensor(_scaled.ToArray(), ScalarType.Int64, logits.device);
            Tensor factors = tensor(_factors.ToArray(), ScalarType.Float32, logits.device);
            Tensor values = flat.index_select(0, at);
            flat.scatter_(0, at, where(values < Scalars.Zero, values * factors, values / factors));
        }

        if (_shifted.Count > 0)
        {
            flat.scatter_add_(0, tensor(_shifted.ToArray(), ScalarType.Int64, logits.device), tensor(_shifts.ToArray(), ScalarType.Float32, logits.device));
        }

        if (_banned.Count > 0)
        {
            flat.index_fill_(0, tensor(_banned.ToArray(), ScalarType.Int64, logits.device), Scalars.MinusInfinity);
        }
    }

    private bool IsHere(int id) => id >= firstToken && id < firstToken + width;

    private void Shift(long at, float by)
    {
        _shifted.Add(at);
        _shifts.Add(by);
    }
}
