using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.DemoModel.Tests;

/// <summary>The document sample as a program, with the model and the documents that come with it.</summary>
public partial class DocumentQaTests
{
    private static readonly string s_documents = Metadata("Documents");

    [Fact]
    public async Task Question_IsAnsweredWithItsSource()
    {
        (int exitCode, string output, _) = await RunAsync("", s_documents, "When does the ferry leave?", "--quiet");

        Assert.Equal((0, "6:45\nvillage/ferry.md, lines 3–4\n\n"), (exitCode, output));
    }

    [Fact]
    public async Task PipedQuestions_AreAnsweredInTurn_AndWhatNoDocumentSaysIsDeclined()
    {
        (int exitCode, string output, string errors) = await RunAsync("图书馆里有多少本书？\nHow old is Peter?\n");

        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains("> 图书馆里有多少本书？\n六千本", output, StringComparison.Ordinal);
        Assert.Contains("\nyunxi/学校.txt, line 5 · ", output, StringComparison.Ordinal);
        Assert.Contains("> How old is Peter?\nNone of the 8 nearest passages answers this.\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task WrongFolder_IsOneSentence()
    {
        Assert.Equal((2, "", "There is no folder nowhere: a folder comes first, and then the question.\n"), await RunAsync("", "nowhere", "Who?"));
    }

    // Floors, well above what chance gives (1 and 8 of 25 passages); the sample's readme has the figures.
    [Fact]
    public async Task KnownQuestions_AreFoundAndAnswered_MoreOftenThanNot()
    {
        (int exitCode, string output, _) = await RunAsync("", s_documents, "--quiet", "--evaluate", Path.Combine(s_documents, "questions.tsv"));

        Assert.Equal(0, exitCode);
        Match counts = Counts().Match(output);
        Assert.True(counts.Success, output);
        Assert.InRange(int.Parse(counts.Groups["first"].Value, provider: null), 8, 24);
        Assert.InRange(int.Parse(counts.Groups["eighth"].Value, provider: null), 18, 24);
        Assert.InRange(int.Parse(counts.Groups["right"].Value, provider: null), 16, 24);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string input, params string[] arguments)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo("dotnet", ["exec", Metadata("DocumentQa"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new System.Text.UTF8Encoding(false),
            StandardOutputEncoding = System.Text.Encoding.UTF8,
        };
        start.Environment.Remove("LOCALBLOOM_MODEL");
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
            process.StandardInput.Close();
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, (await output).ReplaceLineEndings("\n"), (await errors).ReplaceLineEndings("\n"));
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private static string Metadata(string key) =>
        typeof(DocumentQaTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;

    [GeneratedRegex(@"recall@1 (?<first>\d+) of 24, .*recall@8 (?<eighth>\d+) of 24\nanswered rightly (?<right>\d+), ")]
    private static partial Regex Counts();
}
