namespace LocalBloom.AI.Samples;

/// <summary>Where the person's lines come from.</summary>
internal interface ILineReader
{
    /// <summary>Gets a value indicating whether somebody types and can answer what a message says.</summary>
    bool IsInteractive { get; }

    /// <summary>Shows the prompt and reads a line.</summary>
    /// <returns><see langword="null"/> at the input's end, or where the token was cancelled.</returns>
    Task<string?> ReadAsync(CancellationToken cancellationToken);
}
