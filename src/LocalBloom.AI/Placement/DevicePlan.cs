using System.Globalization;
using System.Text;

namespace LocalBloom.AI.Placement;

/// <summary>Which device holds what. Pure data; <see cref="ToString"/> prints it for people.</summary>
/// <param name="Strategy">The strategy that was picked or given.</param>
/// <param name="Shares">Each device's part, in layer order.</param>
/// <param name="Footprint">The sizes that the shares were computed from.</param>
/// <param name="Reason">Why this plan.</param>
internal sealed record DevicePlan(BloomStrategy Strategy, IReadOnlyList<DeviceShare> Shares, ModelFootprint Footprint, string Reason)
{
    // A CPU takes longer with each row: a step with a quarter of its rows for prompts stalls the others little. A GPU reads the weights for one row
    // or for all of them, which takes nearly the same time.
    private const int CpuPromptShare = 4;
    private const int MinPromptRows = 16;

    /// <summary>Gets where streamed layers lie.</summary>
    public SlabStorage Storage { get; init; }

    /// <summary>Gets the bytes that each step copies to its devices: those of all streamed layers.</summary>
    public long StreamedBytes => Shares.Sum(share => share.Streaming?.HostBytes ?? 0);

    /// <summary>Gets the most tokens of prompts in a step in which others get their next token.</summary>
    public int PromptRows => Shares.All(share => share.Memory.Device.Kind is DeviceKind.Cuda)
        ? Footprint.StepRows
        : Math.Max(MinPromptRows, Footprint.StepRows / CpuPromptShare);

    /// <summary>Gets on how many GPUs it is; parts of one are one.</summary>
    public int GpuCount => Shares.Select(share => share.Memory.Device.Physical).Distinct().Count(device => device.Kind is DeviceKind.Cuda);

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Strategy}: {Footprint.Config.LayerCount} layers in {Footprint.Format}, ");
        text.Append(CultureInfo.InvariantCulture, $"context {Footprint.ContextTokens} tokens, cache {Footprint.CacheTokens} tokens, prompts in steps of {Footprint.StepRows}. {Reason}");
        foreach (DeviceShare share in Shares)
        {
            text.AppendLine();
            text.Append(CultureInfo.InvariantCulture, $"  {share.Memory.Device,-9} {share.Memory.Description}: ");
            text.Append(share.HasEnds ? "embedding, head, " : "");
            text.Append(DescribeLayers(share));
            text.Append(share.Shard is { } shard ? DescribeSlice(shard) : "");
            text.Append(CultureInfo.InvariantCulture, $"; weights {ByteSize.Format(share.WeightBytes)}, cache {ByteSize.Format(share.CacheBytes)}, ");
            text.Append(CultureInfo.InvariantCulture, $"buffers {ByteSize.Format(share.WorkBytes)}, passing at most {ByteSize.Format(share.TemporaryBytes)}");
            text.Append(share.JoinBytes > 0 ? $", NCCL {ByteSize.Format(share.JoinBytes)}," : "");
            text.Append(CultureInfo.InvariantCulture, $" of {ByteSize.Format(share.Memory.FreeBytes)} free");
            text.Append(share.Memory.LimitBytes is { } limit
                ? $" under the limit of {ByteSize.Format(limit)}, {ByteSize.Format(share.Memory.ReserveBytes)} of it for code and libraries" : "");
        }

        return text.ToString();
    }

    private string DescribeSlice(Shard shard)
    {
        (SliceRange heads, SliceRange inner, SliceRange tokens) = (shard.Heads(Footprint.Config), shard.Inner(Footprint.Config), shard.Vocabulary(Footprint.Config));
        return string.Create(
            CultureInfo.InvariantCulture,
            $", of each slice {shard.Rank + 1} of {shard.Count}: heads {heads.First}–{heads.Last}, inner {inner.First}–{inner.Last}, vocabulary {tokens.First}–{tokens.Last}");
    }

    private string DescribeLayers(DeviceShare share)
    {
        int last = share.FirstLayer + share.LayerCount - 1;
        string layers = share.LayerCount == 1 ? $"layer {last}" : $"layers {share.FirstLayer}–{last}";
        if (share.Streaming is not { } streaming)
        {
            return layers;
        }

        string from =
            Storage is SlabStorage.File ? $"a mapped file in {Path.GetTempPath()}" :
            share.Memory.Device.Kind is DeviceKind.Cuda ? "pinned memory" : "host memory";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{layers}: {share.LayerCount - streaming.Layers.Count} on the device, {streaming.Layers.Count} streamed from {from} ({ByteSize.Format(streaming.HostBytes)} a step, ring of {streaming.Slots})");
    }
}
