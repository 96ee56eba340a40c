namespace LocalBloom.AI.Samples;

/// <summary>What the person asked for.</summary>
internal sealed record Arguments(string Model)
{
    public const string Help = """
        Asks a BLOOM model through Semantic Kernel and the Agent Framework, in three ways:
        a prompt function, a plugin's result in a prompt, and an agent with a session of turns.

        Usage: SemanticKernelAgent [options]

          --model FOLDER|ID   checkpoint folder, or a hub id in the local cache; else the variable LOCALBLOOM_MODEL, or a small model
          --help              this text

        Ctrl+C cancels. Exit codes: 0 answered, 1 failed, 2 wrong arguments, 130 cancelled.
        """;

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static Arguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(arguments, ["--model"], ["--help", "-h"]);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        return line.Positional is [string first, ..]
            ? throw new UsageException($"'{first}' is one argument too many; --help lists the options.")
            : new Arguments(line.Value("--model") ?? Environment.GetEnvironmentVariable("LOCALBLOOM_MODEL") ?? ""); // none: the demonstration model
    }
}
