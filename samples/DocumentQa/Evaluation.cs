namespace LocalBloom.AI.Samples;

/// <summary>Counts over questions whose answers are known.</summary>
internal static class Evaluation
{
    private static readonly int[] s_depths = [1, 3, 8];

    /// <summary>Asks each question and writes a line for it: the place of the right passage by nearness, the question and the answer; then the counts.</summary>
    /// <exception cref="UsageException">A question's words are in no passage of its file.</exception>
    public static async Task RunAsync(
        IReadOnlyList<KnownQuestion> questions, IReadOnlyList<DocumentPassage> passages, PassageIndex index, DocumentAnswerer answerer, TextWriter output, CancellationToken cancellationToken)
    {
        if (questions.FirstOrDefault(question => !passages.Any(question.IsAnsweredBy)) is { } lost)
        {
            throw new UsageException($"No passage of {lost.File} has the words '{lost.Words}' that '{lost.Question}' asks for.");
        }

        var ranks = new List<int>();
        int right = 0;
        int wrong = 0;
        foreach (KnownQuestion question in questions)
        {
            IReadOnlyList<DocumentPassage> ranked = await index.FindAsync(question.Question, passages.Count, cancellationToken);
            int rank = 1 + ranked.Select((passage, place) => (passage, place)).First(found => question.IsAnsweredBy(found.passage)).place;
            DocumentAnswer answer = await answerer.AnswerAsync(question.Question, _ => { }, cancellationToken);
            bool isRight = answer.Text.Contains(question.Words, StringComparison.Ordinal);
            ranks.Add(rank);
            right += isRight ? 1 : 0;
            wrong += answer.IsFound && !isRight ? 1 : 0;
            output.WriteLine(PrintableText.Of($"{rank,3}  {question.Question}  {(answer.IsFound ? answer.Text : "-")}{(answer.IsFound && !isRight ? "  (wrong)" : "")}"));
        }

        int count = questions.Count;
        output.WriteLine();
        output.WriteLine(string.Join(", ", s_depths.Select(most => $"recall@{most} {ranks.Count(rank => rank <= most)} of {count}")));
        output.WriteLine($"answered rightly {right}, wrongly {wrong}, not {count - right - wrong} of {count}");
    }
}
