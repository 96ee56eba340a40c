using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Chat;

/// <summary>What the chat client logs. The texts of prompts and replies are logged at <see cref="LogLevel.Trace"/> alone.</summary>
internal static partial class ChatLog
{
    [LoggerMessage(LogEventIds.RequestPartsIgnored, LogLevel.Warning, "Parts of the request mean nothing to {Model} and were ignored: {Ignored}.")]
    public static partial void RequestPartsIgnored(ILogger logger, string model, string ignored);

    [LoggerMessage(LogEventIds.MessagesDropped, LogLevel.Information,
        "{Dropped} of {Total} messages to {Model} were left out, so that a reply of {ReplyTokens} tokens fits the context of {ContextTokens}.")]
    public static partial void MessagesDropped(ILogger logger, int dropped, int total, string model, int replyTokens, int contextTokens);

    [LoggerMessage(LogEventIds.Prompt, LogLevel.Trace, "Prompt to {Model}: {Prompt}")]
    public static partial void Prompt(ILogger logger, string model, string prompt);

    [LoggerMessage(LogEventIds.Reply, LogLevel.Trace, "Reply {Number} of {Model}: {Reply}")]
    public static partial void Reply(ILogger logger, int number, string model, string reply);
}
