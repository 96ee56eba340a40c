using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Tests.Samples;

public class CommandLineTests
{
    [Fact]
    public void Parse_TakesValuesFlagsAndTheRest()
    {
        CommandLine line = Parse("--device", "cpu#0", "what?", "--device=cpu#1", "--map=a=1,b=2", "--quiet", "--", "--device");

        Assert.Equal(["cpu#0", "cpu#1"], line.All("--device"));
        Assert.Equal("cpu#1", line.Value("--device"));
        Assert.Equal("a=1,b=2", line.Value("--map"));
        Assert.True(line.Has("--quiet"));
        Assert.Equal(["what?", "--device"], line.Positional);
    }

    [Theory]
    [InlineData("--bogus is not known", "--bogus")]
    [InlineData("--device needs a value", "--device")]
    [InlineData("--quiet takes no value", "--quiet=1")]
    public void Parse_SaysWhatIsWrong(string expected, params string[] arguments) =>
        Assert.StartsWith(expected, Assert.Throws<UsageException>(() => Parse(arguments)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("LayerSplit", BloomStrategy.LayerSplit)]
    [InlineData("layer-split", BloomStrategy.LayerSplit)]
    [InlineData("auto", BloomStrategy.Auto)]
    public void ToChoice_TakesNamesInEitherSpelling(string value, BloomStrategy expected) =>
        Assert.Equal(expected, CommandLine.ToChoice<BloomStrategy>("--strategy", value));

    [Theory]
    [InlineData("2")]
    [InlineData("")]
    [InlineData("fast")]
    public void ToChoice_RefusesTheRest(string value) =>
        Assert.Throws<UsageException>(() => CommandLine.ToChoice<BloomStrategy>("--strategy", value));

    [Theory]
    [InlineData("gpu", null, "--device: 'gpu' is no device.")]
    [InlineData("cpu", "x", "--layer-map: ")]
    public void WrongOptions_AreWrongArguments_ByTheirNamesThere(string device, string? map, string expected)
    {
        var e = Assert.Throws<Microsoft.Extensions.Options.OptionsValidationException>(() => BloomChatClientOptionsValidator.ThrowIfInvalid(
            new BloomChatClientOptions { Model = AppContext.BaseDirectory, Devices = [device], LayerMap = map }));

        Assert.StartsWith(expected, Failure.Describe(e), StringComparison.Ordinal);
        Assert.Equal(Failure.WrongArguments, Failure.ExitCode(e));
    }

    private static CommandLine Parse(params string[] arguments) => CommandLine.Parse(arguments, ["--device", "--map"], ["--quiet"]);
}
