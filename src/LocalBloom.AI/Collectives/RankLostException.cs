namespace LocalBloom.AI.Collectives;

/// <summary>A rank waited for another in vain.</summary>
internal sealed class RankLostException(string message) : LocalBloomException(message)
{
    /// <summary>What a rank is told that is not itself at fault.</summary>
    public const string OtherFailed = "Another rank failed, and the step ends for all.";
}
