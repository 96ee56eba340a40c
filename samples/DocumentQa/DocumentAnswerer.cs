using System.Text;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>What came of a question.</summary>
/// <param name="Text">The reply; empty where no passage answers.</param>
/// <param name="Passage">The passage that answers; where none does, the nearest one.</param>
/// <param name="Asked">How many passages the model was asked about.</param>
/// <param name="Timing">Of the last reply.</param>
internal sealed record DocumentAnswer(string Text, DocumentPassage Passage, int Asked, AnswerTiming Timing)
{
    public bool IsFound => Text.Length > 0;
}

/// <summary>Answers from the passages nearest to a question: the first one on which the model does not decline.</summary>
internal sealed class DocumentAnswerer(IChatClient client, PassageIndex index)
{
    /// <summary>How a model says that a passage does not answer; these are the demonstration model's words.</summary>
    private static readonly string[] s_refusals = ["The passage does not say.", "文中没有提到。"];

    /// <summary>Gets the most passages that are asked about.</summary>
    public int MaxPassages { get; init; } = 8;

    /// <summary>Gets the most tokens of a reply.</summary>
    public int MaxReplyTokens { get; init; } = 128;

    /// <param name="question">The question.</param>
    /// <param name="show">Takes the answer's text as it comes, once it is clear that the model does not decline.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<DocumentAnswer> AnswerAsync(string question, Action<string> show, CancellationToken cancellationToken)
    {
        IReadOnlyList<DocumentPassage> nearest = await index.FindAsync(question, MaxPassages, cancellationToken);
        var timing = new AnswerTiming();
        for (int i = 0; i < nearest.Count; i++)
        {
            timing = new AnswerTiming();
            string reply = await ReadAsync($"{nearest[i].Text}\n\n{question}", timing, show, cancellationToken);
            if (reply.Length > 0)
            {
                return new(reply, nearest[i], i + 1, timing);
            }
        }

        return new("", nearest[0], nearest.Count, timing);
    }

    /// <returns>The reply; empty where the model declined.</returns>
    private async Task<string> ReadAsync(string prompt, AnswerTiming timing, Action<string> show, CancellationToken cancellationToken)
    {
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = MaxReplyTokens };
        var reply = new StringBuilder();
        bool isShown = false;
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(prompt, options, cancellationToken))
        {
            timing.Observe(update);
            reply.Append(update.Text);
            if (isShown)
            {
                show(update.Text);
            }
            else if (!MayBecomeRefusal(reply.ToString()))
            {
                show(reply.ToString());
                isShown = true;
            }
        }

        string text = reply.ToString().Trim();
        if (text.Length == 0 || s_refusals.Contains(text))
        {
            return "";
        }

        if (!isShown)
        {
            show(text); // it began like a refusal, and was cut off
        }

        return text;
    }

    private static bool MayBecomeRefusal(string reply) => s_refusals.Any(refusal => refusal.StartsWith(reply.Trim(), StringComparison.Ordinal));
}
