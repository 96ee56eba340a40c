using LocalBloom.AI;

namespace Microsoft.SemanticKernel;

/// <summary>Adds BLOOM models that run in this process to a kernel.</summary>
/// <remarks>
/// What is added under one service id, be it a chat completion, a chat client or a text generation, shares one <see cref="BloomEngine"/>, that is, one
/// copy of the weights. Its options are those of all the calls together, in their order, and are validated at the latest by the first use.
/// </remarks>
public static class BloomKernelBuilderExtensions
{
    /// <summary>Adds an <c>IChatCompletionService</c> that runs BLOOM in this process.</summary>
    /// <param name="builder">The kernel's builder.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The id by which execution settings choose the service, also the key of its engine and the name of its options.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="InvalidOperationException">There is such a service with this id already.</exception>
    public static IKernelBuilder AddBloomChatCompletion(
        this IKernelBuilder builder, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.Services.AddBloomChatCompletion(configure, serviceId);
        return builder;
    }

    /// <summary>Adds an <c>IChatClient</c> that runs BLOOM in this process and takes part in the kernel's function invocation.</summary>
    /// <param name="builder">The kernel's builder.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The id by which execution settings choose the client, also the key of its engine and the name of its options.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="InvalidOperationException">There is such a client with this id already.</exception>
    public static IKernelBuilder AddBloomChatClient(
        this IKernelBuilder builder, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.Services.AddBloomChatClient(configure, serviceId);
        return builder;
    }

    /// <summary>Adds an <c>ITextGenerationService</c> in which BLOOM continues the prompt as it stands, without a template.</summary>
    /// <param name="builder">The kernel's builder.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The id by which execution settings choose the service, also the key of its engine and the name of its options.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="InvalidOperationException">There is such a service with this id already.</exception>
    public static IKernelBuilder AddBloomTextGeneration(
        this IKernelBuilder builder, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.Services.AddBloomTextGeneration(configure, serviceId);
        return builder;
    }
}
