namespace LocalBloom.AI.Collectives;

/// <summary>A rank waited for another in vain.</summary>
internal sealed class RankLostException(string message) : LocalBloomException(message)
{
    /// <summary>What a rank is told that is not itself at fault.</summary>
    public const string OtherFailed = "Another rank failed, and the step ends for all.";

    /// <summary>Says what the ranks are told that came, where not all do.</summary>
    /// <param name="ranks">How many there are.</param>
    /// <param name="patience">How long they were waited for.</param>
    public static string NotAllCame(int ranks, TimeSpan patience) =>
        $"Not all of {ranks} ranks came to add up a layer within {patience.TotalSeconds:0.##} s; the step ends.";
}
