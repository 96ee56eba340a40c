using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>Keeps what is logged.</summary>
internal sealed class RecordingLoggerFactory : ILoggerFactory, ILogger
{
    public ConcurrentQueue<(LogLevel Level, EventId Event, string Text)> Entries { get; } = new();

    public ConcurrentQueue<Exception> Exceptions { get; } = new();

    /// <summary>Gets the least level that is kept; the texts of prompts and replies are traced.</summary>
    public LogLevel Least { get; init; } = LogLevel.Debug;

    /// <summary>Gets or sets what happens once an entry is kept.</summary>
    public Action Logged { get; set; } = () => { };

    /// <summary>Gets or sets what happens before it says whether a level is kept.</summary>
    public Action Asked { get; set; } = () => { };

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel)
    {
        Asked();
        return logLevel >= Least;
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Entries.Enqueue((logLevel, eventId, formatter(state, exception)));
        if (exception is not null)
        {
            Exceptions.Enqueue(exception);
        }

        Logged();
    }

    public void Dispose()
    {
    }
}
