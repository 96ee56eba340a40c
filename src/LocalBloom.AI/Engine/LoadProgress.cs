namespace LocalBloom.AI;

/// <summary>How far the loading of a model has come.</summary>
/// <param name="BytesLoaded">Bytes of weights that are in place, on their devices.</param>
/// <param name="BytesTotal">Bytes of weights in all.</param>
/// <param name="Current">What was placed last, for example <c>h.3.mlp.dense_h_to_4h.weight</c>.</param>
public readonly record struct LoadProgress(long BytesLoaded, long BytesTotal, string Current);
