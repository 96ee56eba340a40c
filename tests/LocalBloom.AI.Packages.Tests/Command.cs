using System.Diagnostics;

namespace LocalBloom.AI.Packages.Tests;

/// <summary>What a command that has ended left.</summary>
/// <param name="ExitCode">0 is success.</param>
/// <param name="Output">Standard output, lines ended by <c>\n</c>.</param>
/// <param name="Errors">Standard error, likewise.</param>
internal sealed record Command(int ExitCode, string Output, string Errors)
{
    /// <summary>Runs <c>dotnet</c> without servers that would outlive it, and without what the tests' own host left in the environment.</summary>
    public static async Task<Command> DotnetAsync(string folder, params string[] arguments)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment.Remove("LOCALBLOOM_LIBTORCH"); // an installed PyTorch would stand in for the package that is missing on purpose

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return new(process.ExitCode, (await output).ReplaceLineEndings("\n"), (await errors).ReplaceLineEndings("\n"));
    }

    public Command AssertSucceeded(string what)
    {
        Assert.True(ExitCode == 0, $"{what} ended with {ExitCode}:\n{Output}{Errors}");
        return this;
    }
}
