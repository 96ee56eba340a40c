namespace LocalBloom.AI;

/// <summary>How products with int8 matrices are computed. The matrices are the same: rounded to int8, with one scale for each output row.</summary>
public enum BloomInt8Scheme
{
    /// <summary>What flows between layers keeps its number type. The more exact and the quicker choice.</summary>
    WeightOnly,

    /// <summary>
    /// LLM.int8() (Dettmers et al. 2022), for those who compare with it: activations are rounded to int8 too, with one scale for each token, and
    /// products are summed as integers. Columns in which any token of a step reaches <see cref="BloomChatClientOptions.Int8Threshold"/> are multiplied
    /// in float32, so that what a token gives may depend a little on those computed with it.
    /// </summary>
    LlmInt8,
}
