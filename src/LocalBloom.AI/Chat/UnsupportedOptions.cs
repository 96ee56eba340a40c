using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Refuses, by name, the chat options that would change the reply and cannot be honoured.</summary>
internal static class UnsupportedOptions
{
    /// <summary>Throws unless every option that is set can be honoured.</summary>
    /// <exception cref="NotSupportedException">One cannot; the message says which, and what to do.</exception>
    public static void Refuse(ChatOptions options, string modelId)
    {
        if (options.ModelId is string other && other != modelId)
        {
            throw Unsupported(
                nameof(options.ModelId), $"'{other}' was asked for, but this client runs '{modelId}'. Leave it null, or use another client");
        }

        if (options.ResponseFormat is not (null or ChatResponseFormatText))
        {
            throw Unsupported(nameof(options.ResponseFormat), $"{options.ResponseFormat.GetType().Name} cannot be guaranteed. Use text");
        }

        if (options.ConversationId is not null)
        {
            throw Unsupported(nameof(options.ConversationId), "no conversation is stored. Leave it null and send the whole history");
        }

        RefuseTools(options);
        RefuseReasoning(options);
        RefuseBackgroundResponses(options);
    }

    private static void RefuseTools(ChatOptions options)
    {
        if (options.ToolMode is RequiredChatToolMode)
        {
            throw Unsupported(nameof(options.ToolMode), "a tool call cannot be required of a model that calls no tools. Use None");
        }

        // With None, tools are listed but must not be called (Semantic Kernel sends that): just what this client does.
        if (options.Tools is { Count: > 0 } tools && options.ToolMode is not NoneChatToolMode)
        {
            throw Unsupported(
                nameof(options.Tools),
                $"{string.Join(", ", tools.Select(tool => tool?.Name ?? "null"))} would never be called. Remove the tools, or set ToolMode to None");
        }
    }

    private static void RefuseReasoning(ChatOptions options)
    {
        if (options.Reasoning is { } reasoning
            && (reasoning.Effort is not (null or ReasoningEffort.None) || reasoning.Output is not (null or ReasoningOutput.None)))
        {
            throw Unsupported(nameof(options.Reasoning), "BLOOM has no reasoning phase. Leave it null");
        }
    }

#pragma warning disable MEAI001 // An experimental option must be refused all the more.
    private static void RefuseBackgroundResponses(ChatOptions options)
    {
        if (options.AllowBackgroundResponses is true)
        {
            throw Unsupported(
                nameof(options.AllowBackgroundResponses), "replies are generated while the caller waits. Leave it null, or set it to false");
        }

        if (options.ContinuationToken is not null)
        {
            throw Unsupported(nameof(options.ContinuationToken), "no reply can be resumed. Leave it null");
        }
    }
#pragma warning restore MEAI001

    private static NotSupportedException Unsupported(string option, string reasonAndCure) =>
        new($"ChatOptions.{option} is not supported: {reasonAndCure}.");
}
