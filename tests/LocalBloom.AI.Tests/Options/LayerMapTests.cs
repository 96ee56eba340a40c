using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Tests.Options;

public class LayerMapTests
{
    [Fact]
    public void Parse_KeepsTheOrder()
    {
        LayerMap map = LayerMap.Parse(" cuda:1 = 12, CUDA=18,cpu#0=1");

        Assert.Equal("cuda:1=12,cuda:0=18,cpu#0=1", map.ToString());
        Assert.Equal([12, 18, 1], map.Shares.Select(share => share.Layers));
        Assert.Equal(31, map.TotalLayers);
    }

    [Theory]
    [InlineData("", "not of the form device=layers")]
    [InlineData("cuda:0", "not of the form device=layers")]
    [InlineData("cuda:0=1,", "not of the form device=layers")]
    [InlineData("cuda:0=1=2", "not of the form device=layers")]
    [InlineData("gpu=1", "'gpu' is no device")]
    [InlineData("cuda:0=0", "at least 1")]
    [InlineData("cuda:0=-3", "at least 1")]
    [InlineData("cuda:0=1.5", "at least 1")]
    [InlineData("cuda:0=1,cuda=2", "cuda:0 stands there twice")]
    public void Parse_AnythingElse_SaysWhatIsWrong(string text, string problem)
    {
        FormatException error = Assert.Throws<FormatException>(() => LayerMap.Parse(text));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
