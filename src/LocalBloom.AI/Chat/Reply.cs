using System.Text;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>One reply as it comes, token by token.</summary>
/// <param name="engine">Knows the tokens' bytes.</param>
/// <param name="trimsStart">Whether white space at the reply's start is left out.</param>
/// <param name="isScored">Whether the engine was asked for the tokens' log-probabilities.</param>
/// <param name="keepsLikelihoods">Whether the caller asked for the tokens' log-probabilities.</param>
internal sealed class Reply(IGenerationEngine engine, bool trimsStart, bool isScored, bool keepsLikelihoods)
{
    private readonly StringBuilder _text = new();
    private readonly List<TokenLikelihood> _likelihoods = [];
    private double _logProbability;

    /// <summary>Gets the text that has come.</summary>
    public string Text => _text.ToString();

    /// <summary>Gets how many tokens have come.</summary>
    public int Tokens { get; private set; }

    /// <summary>Gets why the reply ended, once it has.</summary>
    public ChatFinishReason? FinishReason { get; private set; }

    /// <summary>Gets the tokens in order; <see langword="null"/> where the caller did not ask.</summary>
    public IReadOnlyList<TokenLikelihood>? Likelihoods => keepsLikelihoods ? _likelihoods : null;

    /// <summary>Adds a token.</summary>
    /// <returns>The text that is now certain.</returns>
    public string Add(GenerationDelta delta)
    {
        Tokens++;
        FinishReason = delta.FinishReason;
        if (isScored)
        {
            float logProbability = delta.LogProbability
                ?? throw new LocalBloomException("The engine gave a token without the log-probability that was asked for. Please report this as a defect.");
            _logProbability += logProbability;
            if (keepsLikelihoods)
            {
                _likelihoods.Add(Describe(new TokenLogProbability(delta.TokenId, logProbability)) with
                {
                    Top = [.. (delta.TopLogProbabilities ?? []).Select(Describe)],
                });
            }
        }

        string text = trimsStart && _text.Length == 0 ? delta.Text.TrimStart() : delta.Text;
        _text.Append(text);
        return text;
    }

    /// <summary>Gets the whole reply, once it has ended. It has no log-probability where none was asked for.</summary>
    /// <exception cref="LocalBloomException">It has not.</exception>
    public ReplyCandidate Complete() => new(
        Text,
        FinishReason ?? throw new LocalBloomException("The engine ended a reply without a reason. Please report this as a defect."),
        _logProbability,
        Tokens);

    private TokenLikelihood Describe(TokenLogProbability token)
    {
        ReadOnlyMemory<byte> bytes = engine.TokenBytes(token.TokenId);
        return new TokenLikelihood
        {
            TokenId = token.TokenId,
            Text = Encoding.UTF8.GetString(bytes.Span),
            Bytes = bytes,
            LogProbability = token.LogProbability,
        };
    }
}
