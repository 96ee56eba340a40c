namespace LocalBloom.AI.Kernels;

/// <summary>What fewrows.cu and fewtiles.cu do with a product, its bias included. The numbers are theirs.</summary>
internal enum FewRowsEnd
{
    /// <summary>Stored as it is.</summary>
    Stored = 0,

    /// <summary>Added to what is there.</summary>
    Added = 1,

    /// <summary>Stored after gelu.</summary>
    Activated = 2,
}
