using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Tests.Options;

public class BloomDeviceTests
{
    [Theory]
    [InlineData("cpu", "cpu")]
    [InlineData("CPU", "cpu")]
    [InlineData("cpu:0", "cpu")]
    [InlineData("cpu#1", "cpu#1")]
    [InlineData("cuda", "cuda:0")]
    [InlineData(" Cuda:1 ", "cuda:1")]
    [InlineData("cuda#1", "cuda:0#1")]
    [InlineData("cuda:10#2", "cuda:10#2")]
    public void Parse_Name_RoundTrips(string text, string canonical)
    {
        BloomDevice device = BloomDevice.Parse(text);

        Assert.Equal(canonical, device.ToString());
        Assert.Equal(device, BloomDevice.Parse(canonical));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("cpu:1")] // torch would take it for cpu
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    [InlineData("cuda:0#")]
    [InlineData("cuda:0#0#0")]
    [InlineData("cuda:99999999999")]
    [InlineData("cuda:٣")] // digits of other scripts
    public void TryParse_AnythingElse_Fails(string? text) => Assert.False(BloomDevice.TryParse(text, out _));

    [Fact]
    public void Parse_AnythingElse_SaysWhatIsAccepted()
    {
        FormatException error = Assert.Throws<FormatException>(() => BloomDevice.Parse("gpu"));

        Assert.Contains("'gpu'", error.Message, StringComparison.Ordinal);
        Assert.Contains("cuda:0#0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Physical_OfAPart_IsTheWholeDevice() => Assert.Equal(BloomDevice.Parse("cuda:1"), BloomDevice.Parse("cuda:1#3").Physical);
}
