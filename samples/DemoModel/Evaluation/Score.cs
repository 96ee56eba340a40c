namespace LocalBloom.AI.Samples;

/// <summary>What became of a set's cases.</summary>
internal readonly record struct Score(int Cases, int Exact, int Answerable, int Declined, int Recognised)
{
    public Score With(EvaluationCase asked, string answer)
    {
        bool declined = EvaluationCase.IsDecline(answer);
        return new Score(
            Cases + 1,
            Exact + (asked.Accepts(answer) ? 1 : 0),
            Answerable + (asked.IsUnanswerable ? 0 : 1),
            Declined + (declined && !asked.IsUnanswerable ? 1 : 0),
            Recognised + (declined && asked.IsUnanswerable ? 1 : 0));
    }
}
