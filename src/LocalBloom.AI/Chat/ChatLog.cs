using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Chat;

/// <summary>What the chat client logs.</summary>
internal static partial class ChatLog
{
    [LoggerMessage(EventId = 100, EventName = "RequestPartsIgnored", Level = LogLevel.Warning,
        Message = "Parts of the request mean nothing to {Model} and were ignored: {Ignored}.")]
    public static partial void RequestPartsIgnored(ILogger logger, string model, string ignored);

    [LoggerMessage(EventId = 101, EventName = "MessagesDropped", Level = LogLevel.Information,
        Message = "{Dropped} of {Total} messages to {Model} were left out, so that a reply of {ReplyTokens} tokens fits the context of {ContextTokens}.")]
    public static partial void MessagesDropped(ILogger logger, int dropped, int total, string model, int replyTokens, int contextTokens);
}
