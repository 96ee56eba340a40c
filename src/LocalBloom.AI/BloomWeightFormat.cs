namespace LocalBloom.AI;

/// <summary>How a model's matrices are kept in memory. Norms and biases always keep the number type.</summary>
public enum BloomWeightFormat
{
    /// <summary><see cref="Int8"/> for <see cref="BloomStrategy.Int8"/> and for a checkpoint whose matrices are int8, else <see cref="Dense"/>.</summary>
    Auto,

    /// <summary>As numbers of <see cref="BloomChatClientOptions.NumberType"/>; of a checkpoint whose matrices are int8, what those stand for.</summary>
    Dense,

    /// <summary>As integers of 8 bits with one scale for each output row, embedding and head too; what flows between layers keeps <see cref="BloomChatClientOptions.NumberType"/>.</summary>
    Int8,
}
