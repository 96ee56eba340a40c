using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>A linear layer as data: what it is, not how it is computed.</summary>
/// <param name="Weight">[out, in], in the model's number type, or int8.</param>
/// <param name="Transposed">The same memory seen as [in, out].</param>
/// <param name="Scales">[out], in the model's number type: what a row of an int8 <paramref name="Weight"/> is to be multiplied with. Null where it is not int8.</param>
/// <param name="Bias">[out]; null for embedding and head, which have none.</param>
internal sealed record LinearWeights(Tensor Weight, Tensor Transposed, Tensor? Scales, Tensor? Bias);

/// <summary>A LayerNorm as data.</summary>
/// <param name="Weight">[hidden].</param>
/// <param name="Bias">[hidden].</param>
/// <param name="Epsilon">What is added to the variance.</param>
internal sealed record LayerNormWeights(Tensor Weight, Tensor Bias, double Epsilon);

/// <summary>The weights of one transformer block.</summary>
/// <param name="InputNorm">The norm before attention.</param>
/// <param name="QueryKeyValue">[heads × (q, k, v) × headDim, hidden]: BLOOM interleaves the fused projection per head.</param>
/// <param name="Dense">Attention's output projection, [hidden, hidden].</param>
/// <param name="PostAttentionNorm">The norm before the MLP.</param>
/// <param name="Up">dense_h_to_4h, [inner, hidden].</param>
/// <param name="Down">dense_4h_to_h, [hidden, inner].</param>
internal sealed record LayerWeights(
    LayerNormWeights InputNorm,
    LinearWeights QueryKeyValue,
    LinearWeights Dense,
    LayerNormWeights PostAttentionNorm,
    LinearWeights Up,
    LinearWeights Down);
