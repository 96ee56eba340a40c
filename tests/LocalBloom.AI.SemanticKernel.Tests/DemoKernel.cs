using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>A kernel with all that the package offers over one demonstration model, loaded once for a class.</summary>
public sealed class DemoKernel : IAsyncLifetime
{
    public Kernel Kernel { get; } = Kernel.CreateBuilder().AddBloomChatCompletion().AddBloomChatClient().AddBloomTextGeneration().Build();

    public ValueTask InitializeAsync() => new(Kernel.GetRequiredService<BloomEngine>().LoadAsync());

    public ValueTask DisposeAsync() => ((ServiceProvider)Kernel.Services).DisposeAsync();
}
