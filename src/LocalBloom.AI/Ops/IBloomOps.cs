using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>The arithmetic of BLOOM at the granularity at which kernels fuse. Results go into the caller's buffers.</summary>
/// <remarks>Called on the engine thread, inside the step's dispose scope.</remarks>
internal interface IBloomOps
{
    /// <summary>result = LayerNorm(embedding[ids]).</summary>
    /// <param name="ids">[rows], int64.</param>
    /// <param name="embedding">[vocabulary, hidden], as a linear without bias.</param>
    /// <param name="norm">BLOOM normalises the embedding before the first block.</param>
    /// <param name="result">[rows, hidden].</param>
    void Embed(Tensor ids, LinearWeights embedding, LayerNormWeights norm, Tensor result);

    /// <summary>result = LayerNorm(x)·Wᵀ + b.</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="norm">The norm.</param>
    /// <param name="linear">[out, hidden].</param>
    /// <param name="result">[rows, out].</param>
    /// <param name="normed">Room for LayerNorm(x), [rows, hidden]; its content is undefined afterwards.</param>
    /// <param name="replaceStream">Whether <paramref name="x"/> becomes LayerNorm(x): BLOOM's apply_residual_connection_post_layernorm.</param>
    void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, Tensor normed, bool replaceStream);

    /// <summary>result = gelu(LayerNorm(x)·Wᵀ + b), with BLOOM's tanh approximation.</summary>
    /// <inheritdoc cref="NormLinear"/>
    void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, Tensor normed, bool replaceStream);

    /// <summary>Writes keys and values of this step into the cache, then attends: softmax(q·kᵀ/√headDim + bias)·v in float32.</summary>
    /// <param name="qkv">[rows, heads × (q, k, v) × headDim].</param>
    /// <param name="cache">This layer's keys and values.</param>
    /// <param name="step">Segments and biases.</param>
    /// <param name="result">[rows, hidden].</param>
    void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result);

    /// <summary>residual += x·Wᵀ + b.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="linear">[hidden, in].</param>
    /// <param name="residual">[rows, hidden].</param>
    void LinearResidual(Tensor x, LinearWeights linear, Tensor residual);

    /// <summary>Gets LayerNorm(x).</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="norm">The norm after the last block.</param>
    /// <returns>[rows, hidden], in the caller's dispose scope.</returns>
    Tensor Norm(Tensor x, LayerNormWeights norm);

    /// <summary>Gets x·headᵀ.</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="head">[vocabulary, hidden], as a linear without bias.</param>
    /// <returns>Logits, [rows, vocabulary], float32, in the caller's dispose scope.</returns>
    Tensor Head(Tensor x, LinearWeights head);
}
