using TorchSharp;

namespace LocalBloom.AI.Tests;

public class SmokeTests
{
    [Fact]
    public void Torch_Loads() => Assert.Equal(3f, torch.ones(3).sum().item<float>());
}
