namespace LocalBloom.AI;

/// <summary>What is done with a conversation whose prompt leaves too little of the context for the reply.</summary>
public enum ChatHistoryPolicy
{
    /// <summary>It is refused with <see cref="ContextOverflowException"/>.</summary>
    Refuse,

    /// <summary>The oldest turns, system messages among them, are left out; the last user message stays.</summary>
    DropOldestTurns,

    /// <summary>The oldest turns are left out, but system messages and the last user message stay.</summary>
    KeepSystem,
}
