using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Turns chat messages and options into a <see cref="ChatRequest"/>: every option is honoured or refused by name.</summary>
/// <remarks>Reads the caller's objects only while <see cref="Map"/> runs and never changes them. Immutable and thread-safe.</remarks>
internal sealed class ChatRequestMapper(string modelId, Lazy<PromptTemplate> template, int? defaultMaxOutputTokens)
{
    // Replies that never stop are what users of local models complain of most.
    private const int UsualMaxOutputTokens = 256;

    /// <summary>Maps one request.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="options">The request's options, if any.</param>
    /// <param name="client">What <see cref="ChatOptions.RawRepresentationFactory"/> is called with.</param>
    /// <exception cref="ArgumentException">There is no text to answer, or an option's value is out of range.</exception>
    /// <exception cref="NotSupportedException">An option, role or content is not supported.</exception>
    public ChatRequest Map(IEnumerable<ChatMessage> messages, ChatOptions? options, IChatClient client)
    {
        ArgumentNullException.ThrowIfNull(messages);

        var ignored = new SortedSet<string>(StringComparer.Ordinal);
        if (options is not null)
        {
            UnsupportedOptions.Refuse(options, modelId);
            if (options.AllowMultipleToolCalls is not null)
            {
                ignored.Add(nameof(options.AllowMultipleToolCalls)); // it means nothing where no tool is called
            }
        }

        IReadOnlyList<ChatMessage> conversation = TextMessages.From(messages, options?.Instructions, ignored);
        var additional = AdditionalOptions.Read(options?.AdditionalProperties, ignored);
        return new ChatRequest
        {
            Conversation = conversation,
            Prompt = template.Value.Render(conversation),
            Template = template.Value,
            MaxNewTokens = MaxNewTokens(options),
            Sampling = SamplingOptions.Read(options, additional, client, ignored),
            StopSequences = StopSequences(options),
            Priority = additional.Priority ?? 0,
            Timeout = additional.Timeout,
            Ignored = ignored,
        };
    }

    private int MaxNewTokens(ChatOptions? options)
    {
        if (options?.MaxOutputTokens is not int tokens)
        {
            return defaultMaxOutputTokens ?? UsualMaxOutputTokens;
        }

        OptionValue.Require(tokens >= 1, nameof(options.MaxOutputTokens), tokens, "1 or more");
        return tokens;
    }

    private List<string> StopSequences(ChatOptions? options)
    {
        IList<string> requested = options?.StopSequences ?? [];
        if (requested.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException(
                "ChatOptions.StopSequences contains an empty text, at which every reply would end. Remove it.", nameof(options));
        }

        if (requested.Select(stop => stop.Length).DefaultIfEmpty().Max() is > RequestBounds.MaxStopSequenceLength and int length)
        {
            throw new ArgumentException(
                $"ChatOptions.StopSequences contains a text of {length} characters, but one may have at most {RequestBounds.MaxStopSequenceLength}. Shorten it.",
                nameof(options));
        }

        List<string> own = [.. requested.Distinct(StringComparer.Ordinal)];
        List<string> all = [.. own.Union(template.Value.StopSequences, StringComparer.Ordinal)];
        return all.Count <= RequestBounds.MaxStopSequences
            ? all
            : throw new ArgumentException(
                $"ChatOptions.StopSequences has {own.Count} texts, to which the prompt template adds {all.Count - own.Count}, " +
                $"but a reply may end at {RequestBounds.MaxStopSequences} at most. Give fewer.",
                nameof(options));
    }
}
