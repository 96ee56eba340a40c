using LocalBloom.AI.Latency;
using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Perf;

public class LatencyProtocolTests
{
    private const int Vocabulary = 1000;

    [Fact]
    public async Task EveryStrategy_IsMeasuredWithEveryPromptLength_BesideTheProtocolsJobs()
    {
        IReadOnlyList<TargetReport> reports = await MeasureAsync("--shape", $"1,64,2,{Vocabulary}", "--strategy", "SingleDevice,Int8", "--devices", "cpu", "--prompt-tokens", "8,600");

        Assert.Equal(["SingleDevice", "Int8"], reports.Select(report => report.Strategy));
        Assert.All(reports, report =>
        {
            Assert.Equal([(170, 1, 1), (170, 3, 3)], report.Jobs.Select(Sizes));
            Assert.Equal([(8, 1, 1), (600, 1, 1)], report.PromptLengths.Select(Sizes));
            Assert.All(report.PromptLengths, job => Assert.Equal(("engine", 2), (job.Path, job.Milliseconds.Count)));
            Assert.False(report.IsProjection);
        });
    }

    [Theory]
    [InlineData("cpu#0,cpu#1", "slice 1 of 2")]
    [InlineData("cpu#0,cpu#1,cpu#2", "slice 3 of 3")] // two heads of four, the others have one
    public async Task OneRankAlone_HasItsSliceOnly_AndGivesAsManyTokens(string devices, string slice)
    {
        IReadOnlyList<TargetReport> reports = await MeasureAsync("--shape", $"1,64,4,{Vocabulary}", "--strategy", "TensorParallel", "--devices", devices, "--prompt-tokens", "20");

        (TargetReport all, TargetReport one) = (reports[0], reports[1]);
        Assert.Equal((false, true), (all.IsProjection, one.IsProjection));
        Assert.Contains(slice, one.Plan, StringComparison.Ordinal);
        Assert.Equal(["cpu"], one.Devices);
        Assert.Equal(["cpu"], one.DeviceBytes.Keys);
        Assert.Equal(all.DeviceBytes.Values.Max(), one.DeviceBytes["cpu"]);
        Assert.InRange(one.WeightBytes!.Value, all.WeightBytes!.Value / devices.Split(',').Length, all.WeightBytes!.Value * 0.6);
        Assert.Equal(all.Jobs.Select(Sizes), one.Jobs.Select(Sizes));
        Assert.Equal((20, 1, 1), Sizes(Assert.Single(one.PromptLengths)));
        Assert.Equal("engine", Assert.Single(one.Decoding).Path);
    }

    [Fact]
    public async Task OneRankOfACheckpoint_IsMeasuredWithItsPrompt_ButGivesNoText()
    {
        IReadOnlyList<TargetReport> reports = await MeasureAsync("--model", Golden.Model("safetensors-f32"), "--strategy", "TensorParallel", "--devices", "cpu#0,cpu#1");

        (TargetReport all, TargetReport one) = (reports[0], reports[1]);
        Assert.Contains(all.Jobs, job => job.Path == "IChatClient");
        Assert.Equal(all.Jobs.Where(job => job.Path == "engine").Select(Sizes), one.Jobs.Select(Sizes));
        Assert.All(one.Jobs, job => Assert.Equal("engine", job.Path));
        Assert.Equal("means nothing", one.Output);
    }

    private static (int In, int Asked, int Came) Sizes(JobReport job) => (job.PromptTokens, job.NewTokens, job.ActualTokens);

    private static async Task<IReadOnlyList<TargetReport>> MeasureAsync(params string[] arguments)
    {
        LatencyArguments parsed = LatencyArguments.Parse([.. arguments, "--new-tokens", "1,3", "--warmup", "0", "--runs", "2"])!;
        var protocol = new LatencyProtocol(parsed);
        var reports = new List<TargetReport>();
        foreach (Target target in parsed.Targets)
        {
            reports.Add(await protocol.MeasureAsync(target, TestContext.Current.CancellationToken));
        }

        return reports;
    }
}
