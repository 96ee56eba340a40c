using System.ComponentModel.DataAnnotations;
using LocalBloom.AI.Validation;

namespace LocalBloom.AI;

/// <summary>Says which BLOOM checkpoint to load and how to run it.</summary>
/// <remarks>
/// Every property can be bound from configuration. Options are validated when the host starts; each message says what to change.
/// They are read when the model is loaded: later changes have no effect.
/// </remarks>
public sealed class BloomChatClientOptions
{
    /// <summary>Gets or sets the checkpoint: a folder with <c>config.json</c>, <c>tokenizer.json</c> and weights, or a hub id such as
    /// <c>bigscience/bloomz-560m</c> that is looked up in the local Hugging Face cache.</summary>
    [Required(ErrorMessage = "Model is empty. Give a checkpoint folder or a hub id; if it comes from configuration, is the section's name right?")]
    public string Model { get; set; } = "";

    /// <summary>Gets or sets how the model is spread over <see cref="Devices"/>.</summary>
    /// <value><see cref="BloomStrategy.Auto"/> by default.</value>
    [DefinedEnum]
    public BloomStrategy Strategy { get; set; } = BloomStrategy.Auto;

    /// <summary>Gets or sets the devices in layer order: <c>cuda:0</c>, <c>cpu</c>, or logical parts of one device (<c>cuda:0#0</c>, <c>cpu#1</c>).</summary>
    /// <value>Empty by default: every CUDA device of the machine, or the CPU where there is none.</value>
    [Required]
    public IList<string> Devices { get; set; } = []; // no default entries: the configuration binder appends to what is here

    /// <summary>Gets or sets how many layers each device takes, for example <c>cuda:0=18,cuda:1=12</c>.</summary>
    /// <value><see langword="null"/> by default: in proportion to the devices' free memory. Only for <see cref="BloomStrategy.LayerSplit"/>.</value>
    public string? LayerMap { get; set; }

    /// <summary>Gets or sets the number format of weights and of what flows between layers.</summary>
    /// <value><see cref="BloomNumberType.Auto"/> by default: the checkpoint's own.</value>
    [DefinedEnum]
    public BloomNumberType NumberType { get; set; } = BloomNumberType.Auto;

    /// <summary>Gets or sets the number format in which a CPU multiplies the tokens of a prompt, where <see cref="NumberType"/> has 16 bits.</summary>
    /// <value><see cref="BloomNumberType.Auto"/> by default: the fastest by a short measurement when the model is loaded.</value>
    [DefinedEnum]
    public BloomNumberType CpuPromptNumberType { get; set; } = BloomNumberType.Auto;

    /// <summary>Gets or sets the most tokens that prompt and reply have together. Memory for them is taken when the model is loaded.</summary>
    /// <value><see langword="null"/> by default: what the checkpoint declares, or 2048.</value>
    [TokenCount(16, 131_072)]
    public int? MaxContextTokens { get; set; }

    /// <summary>Gets or sets the most tokens of a reply whose request does not say.</summary>
    /// <value><see langword="null"/> by default: 256, or fewer where the context ends first.</value>
    [TokenCount(1, 131_072)]
    public int? MaxOutputTokens { get; set; }

    /// <summary>Gets or sets how chat messages become the text that the model continues.</summary>
    /// <value><see cref="PromptTemplate.Bloomz"/> by default. In configuration: <c>Bloomz</c>, <c>Dialogue</c> or <c>Completion</c>.</value>
    [Required]
    public PromptTemplate PromptTemplate { get; set; } = PromptTemplate.Bloomz;

    /// <summary>Gets or sets the folder <c>torch/lib</c> of an installed PyTorch to run on, in place of a TorchSharp native package.</summary>
    /// <value><see langword="null"/> by default: the variable <c>LOCALBLOOM_LIBTORCH</c>, or else the native package.</value>
    public string? LibTorchPath { get; set; }

    /// <summary>Copies the options, so that an engine keeps what was validated.</summary>
    internal BloomChatClientOptions Copy()
    {
        var copy = (BloomChatClientOptions)MemberwiseClone();
        copy.Devices = [.. Devices];
        return copy;
    }
}
