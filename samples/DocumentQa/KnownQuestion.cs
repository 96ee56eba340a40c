namespace LocalBloom.AI.Samples;

/// <summary>A question whose answer is known.</summary>
/// <param name="Question">The question.</param>
/// <param name="File">The file that answers it.</param>
/// <param name="Words">Words of the passage that answers it, which a right answer has, too.</param>
internal sealed record KnownQuestion(string Question, string File, string Words)
{
    /// <summary>Reads a file of questions.</summary>
    /// <exception cref="UsageException">The file cannot be read, or a line lacks something; the message names it.</exception>
    public static IReadOnlyList<KnownQuestion> ReadAll(string file)
    {
        var questions = new List<KnownQuestion>();
        int number = 0;
        foreach (string line in TextFile.Read(file).ReplaceLineEndings("\n").Split('\n'))
        {
            number++;
            if (line.Length > 0)
            {
                questions.Add(line.Split('\t', StringSplitOptions.TrimEntries) is [{ Length: > 0 } question, { Length: > 0 } name, { Length: > 0 } words]
                    ? new(question, name, words)
                    : throw new UsageException($"{file}, line {number}: a question, a file and words of its passage are expected, with tabs between."));
            }
        }

        return questions.Count > 0 ? questions : throw new UsageException($"{file} has no question.");
    }

    public bool IsAnsweredBy(DocumentPassage passage) => passage.File == File && passage.Text.Contains(Words, StringComparison.Ordinal);
}
