namespace LocalBloom.AI.Collectives;

/// <summary>A rank waited for another in vain.</summary>
internal sealed class RankLostException(string message) : LocalBloomException(message);
