namespace LocalBloom.AI;

/// <summary>The base of every error that this library raises itself, argument errors apart. The message says what to do.</summary>
public class LocalBloomException : Exception
{
    /// <summary>Initializes a new instance of the <see cref="LocalBloomException"/> class.</summary>
    /// <param name="message">What failed, what was expected, and the cure.</param>
    /// <param name="innerException">The cause, if another exception was.</param>
    public LocalBloomException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A checkpoint folder cannot be read as a BLOOM model.</summary>
public sealed class CheckpointException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="CheckpointException"/> class.</summary>
    /// <param name="path">The file or folder at fault.</param>
    /// <param name="problem">What is wrong with it and what was expected.</param>
    /// <param name="innerException">The cause, if another exception was.</param>
    public CheckpointException(string path, string problem, Exception? innerException = null)
        : base($"{path}: {problem}", innerException) => Path = path;

    /// <summary>Gets the file or folder at fault.</summary>
    public string Path { get; }
}

/// <summary>A prompt does not fit the model's context.</summary>
public sealed class ContextOverflowException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="ContextOverflowException"/> class.</summary>
    /// <param name="promptTokens">Tokens of the prompt; a lower bound where the text was refused before it was encoded.</param>
    /// <param name="maxContextTokens">Tokens that prompt and reply may have together.</param>
    /// <param name="isLowerBound">Whether <paramref name="promptTokens"/> is a lower bound.</param>
    public ContextOverflowException(int promptTokens, int maxContextTokens, bool isLowerBound = false)
        : base(
            $"The prompt has {(isLowerBound ? "at least " : "")}{promptTokens} tokens, but prompt and reply together may have " +
            $"{maxContextTokens}. Shorten the prompt, or raise {nameof(BloomChatClientOptions)}.{nameof(BloomChatClientOptions.MaxContextTokens)} " +
            "(BLOOM's ALiBi positions allow more than it was trained with).")
    {
        PromptTokens = promptTokens;
        MaxContextTokens = maxContextTokens;
    }

    /// <summary>Initializes a new instance of the <see cref="ContextOverflowException"/> class, for one of several texts to embed.</summary>
    internal ContextOverflowException(int text, int count, ContextOverflowException cause)
        : base(
            $"Text {text} of {count} has at least {cause.PromptTokens} tokens, but must have fewer than {cause.MaxContextTokens} to be embedded. Cut it into parts, " +
            $"or raise {nameof(BloomChatClientOptions)}.{nameof(BloomChatClientOptions.MaxContextTokens)}.",
            cause)
    {
        PromptTokens = cause.PromptTokens;
        MaxContextTokens = cause.MaxContextTokens;
    }

    /// <summary>Gets the tokens of the prompt, or of the text to embed, or a lower bound of them.</summary>
    public int PromptTokens { get; }

    /// <summary>Gets the tokens that prompt and reply may have together.</summary>
    public int MaxContextTokens { get; }
}

/// <summary>As many requests wait already as may wait.</summary>
public sealed class EngineBusyException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="EngineBusyException"/> class.</summary>
    /// <param name="waiting">How many requests wait.</param>
    public EngineBusyException(int waiting)
        : base(
            $"{waiting} requests wait for the model already. Try again later, or raise {nameof(BloomChatClientOptions)}." +
            $"{nameof(BloomChatClientOptions.MaxQueuedRequests)} or {nameof(BloomChatClientOptions.MaxConcurrentReplies)}.") => Waiting = waiting;

    /// <summary>Gets how many requests wait.</summary>
    public int Waiting { get; }
}

/// <summary>The engine is shutting down: it takes no more requests, or had no time to complete this one.</summary>
public sealed class EngineStoppingException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="EngineStoppingException"/> class.</summary>
    /// <param name="modelId">The model's name.</param>
    /// <param name="wasUnderWay">Whether the request was under way, or waited, when the time to shut down was over.</param>
    public EngineStoppingException(string modelId, bool wasUnderWay = false)
        : base(wasUnderWay
            ? $"The engine of {modelId} has shut down before the reply was complete. Ask again once the application runs again, or give it more time to shut down: HostOptions.ShutdownTimeout."
            : $"The engine of {modelId} is shutting down and takes no more requests. Ask another instance, or again once the application runs again.")
    {
    }
}

/// <summary>A reply took longer than its request allows.</summary>
public sealed class GenerationTimeoutException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="GenerationTimeoutException"/> class.</summary>
    /// <param name="timeout">What was allowed.</param>
    /// <param name="generatedTokens">How many tokens had been generated.</param>
    public GenerationTimeoutException(TimeSpan timeout, int generatedTokens)
        : base(
            $"The reply was not complete after {timeout.TotalSeconds:0.###} s: {generatedTokens} tokens were generated. Ask for fewer tokens, " +
            $"raise {nameof(BloomChatClientOptions)}.{nameof(BloomChatClientOptions.RequestTimeout)}, or serve fewer requests at once.")
    {
        Timeout = timeout;
        GeneratedTokens = generatedTokens;
    }

    /// <summary>Gets what was allowed.</summary>
    public TimeSpan Timeout { get; }

    /// <summary>Gets how many tokens had been generated.</summary>
    public int GeneratedTokens { get; }
}

/// <summary>The devices cannot hold what was asked for, or are not there.</summary>
public sealed class PlacementException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="PlacementException"/> class.</summary>
    /// <param name="message">What does not fit where, with the numbers, and the nearest setting that would.</param>
    public PlacementException(string message)
        : base(message)
    {
    }
}

/// <summary>The native part of torch, or a library that it needs, is missing or does not load.</summary>
public sealed class NativeBackendException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="NativeBackendException"/> class.</summary>
    /// <param name="message">What is missing and how to get it.</param>
    /// <param name="innerException">The loader's own error.</param>
    public NativeBackendException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A native library reported an error.</summary>
public sealed class NativeCallException : LocalBloomException
{
    /// <summary>Initializes a new instance of the <see cref="NativeCallException"/> class.</summary>
    /// <param name="library">The library, for example <c>CUDA</c>.</param>
    /// <param name="status">The status that it returned.</param>
    /// <param name="call">The expression that was called.</param>
    public NativeCallException(string library, string status, string? call)
        : base($"{library} returned {status} from {call}.")
    {
    }
}
