using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Options;

public class OptionsValidationTests
{
    private static readonly Dictionary<string, (Action<BloomChatClientOptions> Break, string[] Says)> s_rules = new()
    {
        ["no model"] = (o => o.Model = "", ["Model"]),
        ["no list of devices"] = (o => o.Devices = null!, ["Devices"]),
        ["strategy without a name"] = (o => o.Strategy = (BloomStrategy)99, ["Strategy is 99", "SingleDevice"]),
        ["number type without a name"] = (o => o.NumberType = (BloomNumberType)(-1), ["NumberType is -1", "BFloat16"]),
        ["prompt type without a name"] = (o => o.CpuPromptNumberType = (BloomNumberType)7, ["CpuPromptNumberType is 7", "Float32"]),
        ["context too short"] = (o => (o.MaxContextTokens, o.MaxOutputTokens) = (15, 1), ["MaxContextTokens is 15", "16 to 131072"]),
        ["context too long"] = (o => o.MaxContextTokens = 131_073, ["MaxContextTokens is 131073"]),
        ["no output"] = (o => o.MaxOutputTokens = 0, ["MaxOutputTokens is 0", "1 to 131072"]),
        ["output as long as the context"] = (
            o => (o.MaxContextTokens, o.MaxOutputTokens) = (256, 256), ["MaxOutputTokens", "256 tokens", "MaxContextTokens = 256", "Lower MaxOutputTokens"]),
        ["unknown device"] = (o => o.Devices = ["cpu", "gpu:0"], ["Devices", "'gpu:0' is no device", "cuda:0#0"]),
        ["second cpu"] = (o => o.Devices = ["cpu:1"], ["'cpu:1' is no device", "cpu#1"]),
        ["device twice"] = (o => o.Devices = ["cuda", "cuda:0"], ["cuda:0 is listed more than once", "cuda:0#0"]),
        ["device and its part"] = (o => o.Devices = ["cuda:0", "cuda:0#1"], ["cuda:0 is listed as a whole and as the part cuda:0#1"]),
        ["single device of two"] = (
            o => (o.Strategy, o.Devices) = (BloomStrategy.SingleDevice, ["cuda:0", "cuda:1"]),
            ["SingleDevice uses one device, but 2 are listed: cuda:0, cuda:1", "LayerSplit"]),
        ["split of one device"] = (
            o => (o.Strategy, o.Devices) = (BloomStrategy.LayerSplit, ["cuda:0"]),
            ["LayerSplit needs at least two devices, but only cuda:0 is listed", "cuda:0#0, cuda:0#1"]),
        ["map without split"] = (
            o => (o.Strategy, o.LayerMap) = (BloomStrategy.SingleDevice, "cuda:0=1,cuda:1=2"), ["LayerMap", "Strategy is SingleDevice"]),
        ["limit that is none"] = (o => o.MemoryLimit = "8 gigs", ["MemoryLimit", "'8 gigs' is no amount of memory", "8GB", "7.5 GiB"]),
        ["limit of nothing"] = (o => o.MemoryLimit = "0GB", ["MemoryLimit", "'0GB'"]),
        ["map that is none"] = (o => o.LayerMap = "cuda:0:18", ["LayerMap", "device=layers"]),
        ["map of one device"] = (o => o.LayerMap = "cuda:0=18", ["names only cuda:0"]),
        ["map of a device and its part"] = (o => o.LayerMap = "cpu=1,cpu#0=1", ["LayerMap", "as a whole and as the part cpu#0"]),
        ["map of other devices"] = (
            o => (o.LayerMap, o.Devices) = ("cuda:0=1,cuda:1=2", ["cuda:0", "cpu"]), ["LayerMap", "cuda:0=1,cuda:1=2", "cuda:0, cpu"]),
        ["map in another order"] = (o => (o.LayerMap, o.Devices) = ("cuda:1=1,cuda:0=2", ["cuda:0", "cuda:1"]), ["in their order"]),
        ["prompt type for float32"] = (
            o => (o.NumberType, o.CpuPromptNumberType) = (BloomNumberType.Float32, BloomNumberType.BFloat16), ["CpuPromptNumberType", "BFloat16"]),
        ["weight format without a name"] = (o => o.WeightFormat = (BloomWeightFormat)9, ["WeightFormat is 9", "Int8"]),
        ["scheme without int8"] = (o => o.Int8Scheme = BloomInt8Scheme.LlmInt8, ["Int8Scheme", "WeightFormat to Int8"]),
        ["threshold without LLM.int8()"] = (
            o => (o.Strategy, o.Int8Threshold) = (BloomStrategy.Int8, 6), ["Int8Threshold", "Int8Scheme is WeightOnly", "LlmInt8"]),
        ["threshold that is none"] = (
            o => (o.Strategy, o.Int8Scheme, o.Int8Threshold) = (BloomStrategy.Int8, BloomInt8Scheme.LlmInt8, double.NaN), ["Int8Threshold", "NaN"]),
        ["modules without int8"] = (o => o.Int8SkipModules = ["lm_head"], ["Int8SkipModules", "WeightFormat to Int8"]),
        ["module that is none"] = (
            o => (o.Strategy, o.Int8SkipModules) = (BloomStrategy.Int8, ["h.0.attention"]), ["Int8SkipModules", "h.0.attention", "self_attention.dense"]),
        ["no such folder"] = (o => o.LibTorchPath = "/no/such/torch/lib", ["LibTorchPath", "'/no/such/torch/lib' does not exist"]),
    };

    private static readonly Dictionary<string, Action<BloomChatClientOptions>> s_allowed = new()
    {
        ["defaults"] = _ => { },
        ["single part"] = o => (o.Strategy, o.Devices) = (BloomStrategy.SingleDevice, ["cuda:0#0"]),
        ["split over what the machine has"] = o => o.Strategy = BloomStrategy.LayerSplit,
        ["split over both kinds"] = o => (o.Strategy, o.Devices) = (BloomStrategy.LayerSplit, ["cuda:0", "cpu"]),
        ["split of one device into parts"] = o => (o.Strategy, o.Devices) = (BloomStrategy.LayerSplit, ["cpu#0", "cpu#1"]),
        ["map alone"] = o => o.LayerMap = "cuda:0=18,cuda:1=12",
        ["map that agrees"] = o => (o.Strategy, o.LayerMap, o.Devices) = (BloomStrategy.LayerSplit, "cuda:0=18,cuda:1=12", ["cuda", "CUDA:1"]),
        ["float32 twice"] = o => (o.NumberType, o.CpuPromptNumberType) = (BloomNumberType.Float32, BloomNumberType.Float32),
        ["prompt type for 16 bits"] = o => (o.NumberType, o.CpuPromptNumberType) = (BloomNumberType.BFloat16, BloomNumberType.Float32),
        ["LLM.int8() with all of its options"] = o =>
            (o.WeightFormat, o.Int8Scheme, o.Int8Threshold, o.Int8SkipModules) = (BloomWeightFormat.Int8, BloomInt8Scheme.LlmInt8, 0, ["mlp.dense_4h_to_h"]),
        ["offload under a limit"] = o => (o.Strategy, o.MemoryLimit) = (BloomStrategy.Offload, "7.5 GiB"),
        ["offload by a map"] = o => (o.Strategy, o.LayerMap) = (BloomStrategy.Offload, "cuda:0=18,cuda:1=12"),
        ["folder"] = o => o.LibTorchPath = Path.GetTempPath(),
        ["long context"] = o => (o.MaxContextTokens, o.MaxOutputTokens) = (131_072, 131_071),
    };

    public static TheoryData<string> Rules => [.. s_rules.Keys];

    public static TheoryData<string> Allowed => [.. s_allowed.Keys];

    public static TheoryData<BloomStrategy, string, string> ImpossibleDevices
    {
        get
        {
            var data = new TheoryData<BloomStrategy, string, string> { { BloomStrategy.TensorParallel, "cuda:0,cpu", "needs devices of one kind" } };
            foreach (BloomStrategy strategy in Enum.GetValues<BloomStrategy>())
            {
                data.Add(strategy, "gpu:0", "'gpu:0' is no device");
                data.Add(strategy, "cuda:0,cuda:0", "cuda:0 is listed more than once");
                data.Add(strategy, "cuda:0,cuda:0#1", "listed as a whole and as the part cuda:0#1");
                data.Add(strategy, "cpu#0,cpu#0", "cpu#0 is listed more than once");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Rule_Broken_NamesOptionValueAndCure(string rule)
    {
        var options = new BloomChatClientOptions { Model = "m" };
        s_rules[rule].Break(options);

        OptionsValidationException error =
            Assert.Throws<OptionsValidationException>(() => BloomChatClientOptionsValidator.ThrowIfInvalid(options));

        string failure = Assert.Single(error.Failures);
        Assert.All(s_rules[rule].Says, says => Assert.Contains(says, failure, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Allowed))]
    public void Combination_ThatWorks_IsAccepted(string combination)
    {
        var options = new BloomChatClientOptions { Model = "m" };
        s_allowed[combination](options);

        BloomChatClientOptionsValidator.ThrowIfInvalid(options);
    }

    // Before anything is looked up: one sentence, whatever else is asked for.
    [Theory]
    [MemberData(nameof(ImpossibleDevices))]
    public void DevicesThatCannotBe_AreOneError_WithEveryStrategy(BloomStrategy strategy, string devices, string says)
    {
        var options = new BloomChatClientOptions { Model = "m", Strategy = strategy, Devices = devices.Split(','), MemoryLimit = "8GB" };
        options.WeightFormat = strategy is BloomStrategy.Auto ? BloomWeightFormat.Auto : BloomWeightFormat.Int8;

        string failure = Assert.Single(Assert.Throws<OptionsValidationException>(() => new BloomEngine(options)).Failures);

        Assert.Contains(says, failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_Broken_AreAllReported()
    {
        var options = new BloomChatClientOptions { Model = "", Devices = ["gpu", "tpu"], MaxOutputTokens = 0 };

        OptionsValidationException error =
            Assert.Throws<OptionsValidationException>(() => BloomChatClientOptionsValidator.ThrowIfInvalid(options));

        Assert.Equal(4, error.Failures.Count());
    }
}
