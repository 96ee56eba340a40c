namespace LocalBloom.AI.Native;

/// <summary>What was to be given back is still used by somebody who does not answer: it must stay as long as the process lives.</summary>
internal sealed class StillInUseException(string message) : LocalBloomException(message);
