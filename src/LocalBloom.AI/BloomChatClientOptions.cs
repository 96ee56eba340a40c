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
    /// <value>Empty by default: the small model of the package <c>LocalBloom.AI.DemoModel</c>, if the application has it.</value>
    public string Model { get; set; } = "";

    /// <summary>Gets or sets how the model is spread over <see cref="Devices"/>.</summary>
    /// <value><see cref="BloomStrategy.Auto"/> by default.</value>
    [DefinedEnum]
    public BloomStrategy Strategy { get; set; } = BloomStrategy.Auto;

    /// <summary>Gets or sets the devices in layer order, or in the order of the ranks: <c>cuda:0</c>, <c>cpu</c>, or logical parts of one device (<c>cuda:0#0</c>, <c>cpu#1</c>).</summary>
    /// <value>Empty by default: every CUDA device of the machine, or the CPU where there is none.</value>
    [Required(ErrorMessage = "{0} is null. Leave it empty for what the machine has, or name devices such as cuda:0 or cpu.")]
    public IList<string> Devices { get; set; } = []; // no default entries: the configuration binder appends to what is here

    /// <summary>Gets or sets how many layers each device takes, for example <c>cuda:0=18,cuda:1=12</c>.</summary>
    /// <value><see langword="null"/> by default: in proportion to the devices' free memory. For <see cref="BloomStrategy.LayerSplit"/> and <see cref="BloomStrategy.Offload"/>.</value>
    public string? LayerMap { get; set; }

    /// <summary>Gets or sets the most memory of each device that is taken: weights, cache, buffers, and what torch takes in passing.</summary>
    /// <remarks>
    /// It holds for every <see cref="Strategy"/>: devices then have so much less free memory. With <see cref="BloomStrategy.Offload"/>, layers beyond it
    /// stay in host memory. Of a GPU, it leaves out the CUDA context, which any program has that uses the device; logical parts share their device's limit.
    /// </remarks>
    /// <value>
    /// A number and a unit, such as <c>8GB</c> (8·10⁹ bytes), <c>7.5 GiB</c> or <c>8000MB</c>. <see langword="null"/> by default: all that is free.
    /// </value>
    public string? MemoryLimit { get; set; }

    /// <summary>Gets or sets the number format of weights and of what flows between layers.</summary>
    /// <value><see cref="BloomNumberType.Auto"/> by default: the checkpoint's own.</value>
    [DefinedEnum]
    public BloomNumberType NumberType { get; set; } = BloomNumberType.Auto;

    /// <summary>Gets or sets how matrices are kept. It goes with every <see cref="Strategy"/>.</summary>
    /// <value><see cref="BloomWeightFormat.Auto"/> by default.</value>
    [DefinedEnum]
    public BloomWeightFormat WeightFormat { get; set; } = BloomWeightFormat.Auto;

    /// <summary>Gets or sets how products with int8 matrices are computed. Only where matrices are int8.</summary>
    /// <value><see cref="BloomInt8Scheme.WeightOnly"/> by default.</value>
    [DefinedEnum]
    public BloomInt8Scheme Int8Scheme { get; set; } = BloomInt8Scheme.WeightOnly;

    /// <summary>Gets or sets the magnitude from which on an activation is an outlier, whose column is not rounded to int8. Only for <see cref="BloomInt8Scheme.LlmInt8"/>.</summary>
    /// <value><see langword="null"/> by default, which means 6, as in the paper. Zero or more and finite; zero means that there are no outliers.</value>
    public double? Int8Threshold { get; set; }

    /// <summary>Gets or sets the modules whose matrices stay in the model's number type: <c>lm_head</c>, <c>word_embeddings</c>, <c>self_attention.query_key_value</c>, <c>self_attention.dense</c>, <c>mlp.dense_h_to_4h</c>, <c>mlp.dense_4h_to_h</c>. Where head and embedding are one matrix, either name means it.</summary>
    /// <value><see langword="null"/> by default: head and embedding for <see cref="BloomInt8Scheme.LlmInt8"/>, else none. Only where matrices are int8.</value>
    public IList<string>? Int8SkipModules { get; set; }

    /// <summary>Gets or sets the number format in which a CPU multiplies the tokens of a prompt, where <see cref="NumberType"/> has 16 bits.</summary>
    /// <value><see cref="BloomNumberType.Auto"/> by default: the fastest by a short measurement when the model is loaded.</value>
    [DefinedEnum]
    public BloomNumberType CpuPromptNumberType { get; set; } = BloomNumberType.Auto;

    /// <summary>Gets or sets the most tokens that prompt and reply have together. Memory for them is taken when the model is loaded.</summary>
    /// <value><see langword="null"/> by default: what the checkpoint declares, or 2048.</value>
    [Count(16, 131_072)]
    public int? MaxContextTokens { get; set; }

    /// <summary>Gets or sets the most tokens of a reply whose request does not say.</summary>
    /// <value><see langword="null"/> by default: 256, or fewer where the context ends first.</value>
    [Count(1, 131_072)]
    public int? MaxOutputTokens { get; set; }

    /// <summary>Gets or sets what is done with a conversation that is longer than the context.</summary>
    /// <value><see cref="ChatHistoryPolicy.Refuse"/> by default.</value>
    [DefinedEnum]
    public ChatHistoryPolicy HistoryPolicy { get; set; } = ChatHistoryPolicy.Refuse;

    /// <summary>Gets or sets how many replies are computed at once; further requests wait. Each reply of a request counts.</summary>
    [Count(1, 256, Unit = "replies")]
    public int MaxConcurrentReplies { get; set; } = 32;

    /// <summary>Gets or sets how many requests may wait; one more is refused with <see cref="EngineBusyException"/>.</summary>
    [Count(1, 100_000, Unit = "requests")]
    public int MaxQueuedRequests { get; set; } = 1024;

    /// <summary>Gets or sets the tokens of all running replies and their prompts together that the cache has room for.</summary>
    /// <value><see langword="null"/> by default: eight contexts, or fewer where memory is short. At least one context is needed.</value>
    [Count(16, 16_777_216)]
    public int? CacheTokens { get; set; }

    /// <summary>Gets or sets how long a reply may take, waiting included, once the model is loaded; it then ends with <see cref="GenerationTimeoutException"/>.</summary>
    /// <value><see langword="null"/> by default: as long as it takes.</value>
    public TimeSpan? RequestTimeout { get; set; }

    /// <summary>Gets or sets whether a host, when it starts, loads the model and has it make a short reply, so that the first user does not wait for either.</summary>
    /// <value><see langword="false"/> by default: the first request loads it. Where there is no host, a warning is logged, and <see cref="BloomEngine.LoadAsync"/> loads the model before.</value>
    public bool WarmUp { get; set; }

    /// <summary>Gets or sets how chat messages become the text that the model continues.</summary>
    /// <value><see langword="null"/> by default: what the checkpoint declares in <c>prompt_template.json</c>, or else <see cref="PromptTemplate.Bloomz"/>. In configuration: <c>Bloomz</c>, <c>Dialogue</c> or <c>Completion</c>.</value>
    public PromptTemplate? PromptTemplate { get; set; }

    /// <summary>Gets or sets the folder <c>torch/lib</c> of an installed PyTorch to run on, in place of a TorchSharp native package.</summary>
    /// <value><see langword="null"/> by default: the variable <c>LOCALBLOOM_LIBTORCH</c>, or else the native package.</value>
    public string? LibTorchPath { get; set; }

    /// <summary>Gets or sets whether streamed layers lie in a file even where host memory would do.</summary>
    internal bool StreamFromFile { get; set; }

    /// <summary>Copies the options, so that an engine keeps what was validated.</summary>
    internal BloomChatClientOptions Copy()
    {
        var copy = (BloomChatClientOptions)MemberwiseClone();
        copy.Devices = Devices is null ? null! : [.. Devices]; // for the validation to refuse
        copy.Int8SkipModules = Int8SkipModules is null ? null : [.. Int8SkipModules];
        return copy;
    }
}
