using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Chat;

/// <summary>What the chat client logs.</summary>
internal static partial class ChatLog
{
    [LoggerMessage(EventId = 100, EventName = "RequestPartsIgnored", Level = LogLevel.Warning,
        Message = "Parts of the request mean nothing to {Model} and were ignored: {Ignored}.")]
    public static partial void RequestPartsIgnored(ILogger logger, string model, string ignored);
}
