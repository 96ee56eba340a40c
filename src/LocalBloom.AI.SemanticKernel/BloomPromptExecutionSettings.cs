using System.Collections.ObjectModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.SemanticKernel;

namespace LocalBloom.AI.SemanticKernel;

/// <summary>How BLOOM is to reply to one prompt: all that a request can say, by the names that prompt files use.</summary>
/// <remarks>
/// Every property is <see langword="null"/> at first, which leaves the model's default. Values are checked when the request is made. A property
/// that Semantic Kernel has no place for reaches the client under its JSON name in <c>ChatOptions.AdditionalProperties</c>.
/// </remarks>
[JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)]
public sealed class BloomPromptExecutionSettings : PromptExecutionSettings
{
    /// <summary>Gets or sets what logits are divided by, 0 or more.</summary>
    /// <value>0 by default, the most probable token each time; 1 where <see cref="TopP"/> or <see cref="TopK"/> is given.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("temperature")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? Temperature
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the probability mass of the most probable tokens that are kept, in (0, 1].</summary>
    /// <value>1 by default, which keeps all.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("top_p")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? TopP
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how many of the most probable tokens are kept, 0 or more.</summary>
    /// <value>0 by default, which keeps all.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("top_k")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TopK
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the seed of the random numbers: the same seed gives the same text.</summary>
    /// <value>A new one each time by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("seed")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Seed
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the most tokens of a reply, 1 or more.</summary>
    /// <value>By default what the client's options say, or else 256.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("max_tokens")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MaxTokens
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the texts before which a reply ends: at most 64 with those of the prompt template, of 1 to 1,024 characters each.</summary>
    /// <value>None by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("stop_sequences")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IList<string>? StopSequences
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets what a token's logit loses for each time that it stands in the reply, [−2 … 2].</summary>
    /// <value>0 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("frequency_penalty")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? FrequencyPenalty
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets what a token's logit loses once it stands in the reply, [−2 … 2].</summary>
    /// <value>0 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("presence_penalty")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? PresencePenalty
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the factor by which positive logits of tokens seen in prompt or reply are divided and negative ones multiplied, [0.001 … 1000].</summary>
    /// <value>1 by default, which is none.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("repetition_penalty")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? RepetitionPenalty
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how many tokens a reply has before an end-of-sequence token may end it, 0 or more.</summary>
    /// <value>0 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("min_tokens")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MinTokens
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets what is added to the logits of tokens, by token id, for at most 1,024 tokens: −100 all but forbids a token, 100 all but forces it.</summary>
    /// <value>None by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("logit_bias")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IDictionary<int, float>? LogitBias
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets whether the logarithm of each token's probability is reported.</summary>
    /// <value><see langword="false"/> by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("logprobs")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? LogProbabilities
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how many of the most probable tokens are reported beside each chosen one, [0 … 20].</summary>
    /// <value>0 by default, the chosen alone.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("top_logprobs")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TopLogProbabilities
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how many replies are made of one prompt, [1 … 16]; the prompt is computed once.</summary>
    /// <value>1 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("n")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? ReplyCount
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how many replies beam search follows at once, [1 … 16].</summary>
    /// <value>1 by default, which is no beam search.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("num_beams")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? BeamCount
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the power of a reply's length by which beam search divides the sum of its log-probabilities: above 0 favours long replies.</summary>
    /// <value>1 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("length_penalty")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? LengthPenalty
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets the request's place among waiting ones: the higher goes first.</summary>
    /// <value>0 by default.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("priority")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Priority
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Gets or sets how long the reply may take, waiting included, in seconds, above 0.</summary>
    /// <value>By default what the client's options say.</value>
    /// <exception cref="InvalidOperationException">The settings are frozen.</exception>
    [JsonPropertyName("timeout_seconds")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TimeoutSeconds
    {
        get;
        set => Set(ref field, value);
    }

    /// <summary>Reads settings of any kind as settings for BLOOM.</summary>
    /// <param name="executionSettings">The settings; <see langword="null"/> means all defaults.</param>
    /// <returns>The same object where it is of this class already, else a new one.</returns>
    /// <exception cref="JsonException">A value is of the wrong type.</exception>
    public static BloomPromptExecutionSettings FromExecutionSettings(PromptExecutionSettings? executionSettings)
    {
        switch (executionSettings)
        {
            case null:
                return new BloomPromptExecutionSettings();
            case BloomPromptExecutionSettings settings:
                return settings;
            default:
                string json = JsonSerializer.Serialize(executionSettings, executionSettings.GetType());
                BloomPromptExecutionSettings read = JsonSerializer.Deserialize<BloomPromptExecutionSettings>(json)!;
                read.FunctionChoiceBehavior = executionSettings.FunctionChoiceBehavior; // it holds functions, which JSON cannot
                return read;
        }
    }

    /// <summary>Makes the settings unchangeable, their collections included.</summary>
    public override void Freeze()
    {
        if (IsFrozen)
        {
            return;
        }

        StopSequences = StopSequences is null ? null : new ReadOnlyCollection<string>([.. StopSequences]);
        LogitBias = LogitBias is null ? null : new ReadOnlyDictionary<int, float>(new Dictionary<int, float>(LogitBias));
        base.Freeze();
    }

    /// <summary>Copies the settings, their collections included. The copy is not frozen.</summary>
    public override PromptExecutionSettings Clone() => new BloomPromptExecutionSettings
    {
        ModelId = ModelId,
        ServiceId = ServiceId,
        FunctionChoiceBehavior = FunctionChoiceBehavior,
        ExtensionData = ExtensionData is null ? null : new Dictionary<string, object>(ExtensionData),
        Temperature = Temperature,
        TopP = TopP,
        TopK = TopK,
        Seed = Seed,
        MaxTokens = MaxTokens,
        StopSequences = StopSequences is null ? null : [.. StopSequences],
        FrequencyPenalty = FrequencyPenalty,
        PresencePenalty = PresencePenalty,
        RepetitionPenalty = RepetitionPenalty,
        MinTokens = MinTokens,
        LogitBias = LogitBias is null ? null : new Dictionary<int, float>(LogitBias),
        LogProbabilities = LogProbabilities,
        TopLogProbabilities = TopLogProbabilities,
        ReplyCount = ReplyCount,
        BeamCount = BeamCount,
        LengthPenalty = LengthPenalty,
        Priority = Priority,
        TimeoutSeconds = TimeoutSeconds,
    };

    private void Set<T>(ref T field, T value)
    {
        ThrowIfFrozen();
        field = value;
    }
}
