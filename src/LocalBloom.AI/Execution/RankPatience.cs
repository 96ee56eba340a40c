namespace LocalBloom.AI.Execution;

/// <summary>How long the ranks of a model are waited for.</summary>
/// <param name="Step">How long the others may take longer than the first to launch their parts of a step. Then the step has failed, and all waiting in it ends.</param>
/// <param name="Grace">How long one may take to come back from a step that has failed. Then it is lost.</param>
internal readonly record struct RankPatience(TimeSpan Step, TimeSpan Grace);
