using LocalBloom.AI.Latency;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Perf;

public class LatencyArgumentsTests
{
    [Fact]
    public void Defaults_MeasureOneCaller()
    {
        LatencyArguments arguments = Parse();

        Assert.Equal([1, 64], arguments.NewTokens);
        Assert.Equal(new Repetition(2, 10), arguments.Repetition);
        Assert.Empty(arguments.Callers);
        Assert.Empty(arguments.PromptTokens);
        Assert.Equal(0, arguments.MostCallers);
    }

    [Fact]
    public void Callers_AreAscending_AndRepeatedLessOften()
    {
        LatencyArguments arguments = Parse("--callers", "8,1, 32,8", "--cache-tokens", "9000");

        Assert.Equal([1, 8, 32], arguments.Callers);
        Assert.Equal(32, arguments.MostCallers);
        Assert.Equal((new Repetition(2, 10), new Repetition(1, 5)), (arguments.Repetition, arguments.CallerRepetition));
        Assert.Equal(9000, arguments.CacheTokens);
    }

    [Fact]
    public void GivenRuns_HoldForBothJobs()
    {
        LatencyArguments arguments = Parse("--callers", "2", "--warmup", "0", "--runs", "3");

        Assert.Equal((new Repetition(0, 3), new Repetition(0, 3)), (arguments.Repetition, arguments.CallerRepetition));
    }

    [Fact]
    public void Strategies_MayNameAWeightFormat()
    {
        LatencyArguments arguments = Parse("--strategy", "SingleDevice, layer-split+int8", "--devices", "cpu;cpu#0,cpu#1");

        Assert.Equal(["SingleDevice", "LayerSplit+Int8"], arguments.Targets.Select(target => target.Name));
        Assert.Equal((BloomStrategy.LayerSplit, BloomWeightFormat.Int8), (arguments.Targets[1].Strategy, arguments.Targets[1].WeightFormat));
        Assert.Equal(["cpu#0", "cpu#1"], arguments.Targets[1].Devices);
    }

    [Fact]
    public void RanksOnOneDevice_AreFollowedByOneAlone_AndNoOthers()
    {
        LatencyArguments arguments = Parse(
            "--strategy", "TensorParallel+Int8,TensorParallel,LayerSplit,TensorParallel", "--devices", "cuda:0#0,cuda:0#1,cuda:0#2;cpu#0,cpu#1;cpu#0,cpu#1;cuda:0,cuda:1");

        Assert.Equal(
            [
                "TensorParallel+Int8 on cuda:0#0,cuda:0#1,cuda:0#2",
                "TensorParallel+Int8, one rank of 3 alone (projection for 3 GPUs, no exchange) on cuda:0",
                "TensorParallel on cpu#0,cpu#1",
                "TensorParallel, one rank of 2 alone (projection for 2 CPUs, no exchange) on cpu",
                "LayerSplit on cpu#0,cpu#1",
                "TensorParallel on cuda:0,cuda:1",
            ],
            arguments.Targets.Select(target => $"{target.Name} on {string.Join(',', target.Computing)}"));
        Assert.Equal(["cuda:0#0", "cuda:0#1", "cuda:0#2"], arguments.OptionsFor(arguments.Targets[1]).Devices); // of the plan of which one rank is left
    }

    [Theory]
    [InlineData("--strategy", "Int8+")]
    [InlineData("--strategy", "LayerSplit+Int8+Int8")]
    [InlineData("--callers", "0")]
    [InlineData("--callers", "257")]
    [InlineData("--callers", "many")]
    [InlineData("--callers", ",")]
    [InlineData("--memory-limit", "8")]
    [InlineData("--new-tokens", "")]
    [InlineData("--prompt-tokens", "0")]
    [InlineData("--prompt-tokens", "16,-32")]
    [InlineData("--prompt-tokens", "16,many")]
    [InlineData("--prompt-tokens", "99999999999")]
    [InlineData("--prompt-tokens", ",")]
    [InlineData("--cache-tokens", "100")]
    [InlineData("--devices", "gpu")]
    [InlineData("--devices", "cpu;cpu#0,cuda:one")]
    public void WhatCannotBe_IsRefused_ByName(string option, string value) =>
        Assert.StartsWith(option, Assert.Throws<UsageException>(() => Parse(option, value)).Message, StringComparison.Ordinal);

    [Fact]
    public void TargetThatNoEngineTakes_IsRefusedBeforeTheFirstIsMeasured()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Parse("--strategy", "SingleDevice,LayerSplit", "--devices", "cuda:0"));

        Assert.Contains("LayerSplit needs at least two devices", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OptionsOfATarget_AreThoseThatAreGiven()
    {
        LatencyArguments arguments = Parse("--strategy", "Offload+Int8", "--devices", "cuda:1", "--memory-limit", "8GB", "--number-type", "Float16", "--callers", "64", "--cache-tokens", "9000");

        BloomChatClientOptions options = arguments.OptionsFor(arguments.Targets[0]);

        Assert.Equal(("560m", BloomStrategy.Offload, BloomWeightFormat.Int8), (options.Model, options.Strategy, options.WeightFormat));
        Assert.Equal(("8GB", BloomNumberType.Float16, 64, 9000), (options.MemoryLimit, options.NumberType, options.MaxConcurrentReplies, options.CacheTokens));
        Assert.Equal(["cuda:1"], options.Devices);
    }

    [Fact]
    public void Kernels_RefuseWhatDoesNotApply_ByName()
    {
        Assert.True(Parse("--kernels").Kernels);

        var error = Assert.Throws<UsageException>(() => Parse("--kernels", "--runs", "3", "--json", "report.json"));

        Assert.Equal("--kernels times products alone, for which --runs, --json would not count: remove them.", error.Message);
    }

    [Fact]
    public void ReportThatCannotBeWritten_IsRefusedBeforeTheMeasurement()
    {
        using var folder = new Loading.TemporaryFolder();
        folder.Write("old.json", "old");

        OutputFile.RequireWritable(folder.File("new.json"));
        OutputFile.RequireWritable(folder.File("old.json"));

        Assert.Equal([folder.File("old.json")], Directory.GetFiles(folder.Path));
        Assert.Equal("old", File.ReadAllText(folder.File("old.json")));
        foreach (string path in (string[])[folder.File("no/such/folder.json"), folder.Path, ""])
        {
            Assert.StartsWith($"--json cannot write the file '{path}': ", Assert.Throws<UsageException>(() => OutputFile.RequireWritable(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CallersPrompts_AreAsLongAsTheRecordedOne_AndDifferFromTheFirstTokenOn()
    {
        IReadOnlyList<int>[] prompts = [.. Enumerable.Range(0, 256).Select(caller => RecordedPrompt.For(4096, caller))];

        Assert.Equal(RecordedPrompt.For(4096), prompts[0]);
        Assert.All(prompts, prompt => Assert.Equal(170, prompt.Count));
        Assert.Equal(256, prompts.Select(prompt => prompt[0]).Distinct().Count());
    }

    private static LatencyArguments Parse(params string[] more) => LatencyArguments.Parse(["--shape", "560m", .. more])!;
}
