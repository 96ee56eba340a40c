using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using static TorchSharp.torch;

namespace LocalBloom.AI;

/// <summary>Which device would hold what, and how much memory that takes: told before anything is loaded or taken. Immutable.</summary>
/// <remarks><see cref="ToString"/> is for people: the strategy with its reason, and a line for each device.</remarks>
public sealed class BloomPlan
{
    private readonly DevicePlan _plan;

    private BloomPlan(DevicePlan plan)
    {
        _plan = plan;
        Devices = [.. plan.Shares.Select(share => new BloomPlanDevice(share))];
    }

    /// <summary>Gets the strategy; never <see cref="BloomStrategy.Auto"/>.</summary>
    public BloomStrategy Strategy => _plan.Strategy;

    /// <summary>Gets why this strategy, in a sentence.</summary>
    public string Reason => _plan.Reason;

    /// <summary>Gets each device's part, in layer order.</summary>
    public IReadOnlyList<BloomPlanDevice> Devices { get; }

    /// <summary>Plans as an engine with these options would, from the sizes of the checkpoint that they name.</summary>
    /// <param name="options">
    /// As for an engine. <see cref="BloomChatClientOptions.Model"/> may be a folder with nothing but <c>config.json</c>: then the number type that it declares counts.
    /// </param>
    /// <param name="freeBytes">
    /// The free memory of whole devices, by name (<c>cuda:0</c>), in layer order: devices that need not exist. 1 to 2⁶⁰ bytes each. By default what is free on
    /// this machine now. Of each GPU's, 300 MB are kept for code and libraries either way. An assumed GPU is planned for as the kind that takes most
    /// in passing, so that with Int8 a real one may take less.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="freeBytes"/> has no device, a part of one, one twice, or an amount out of range.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options contradict each other.</exception>
    /// <exception cref="LocalBloomException">The checkpoint is not there or broken, or the devices are not there or too small; the message has the arithmetic.</exception>
    public static BloomPlan Create(BloomChatClientOptions options, IReadOnlyDictionary<string, long>? freeBytes = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        AssumedDevices? assumed = freeBytes is null ? null : new(freeBytes);
        BloomChatClientOptions copy = options.Copy();
        if (string.IsNullOrWhiteSpace(copy.Model) && DemoModel.Find() is { } demo)
        {
            copy.Model = demo;
        }

        BloomChatClientOptionsValidator.ThrowIfInvalid(copy);
        string folder = ModelLocator.Locate(copy.Model);
        if (WeightFiles.AreAbsent(folder))
        {
            BloomConfig config = BloomConfigReader.Read(folder);
            return Create(copy, config, config.DeclaredType ?? ScalarType.Float16, assumed);
        }

        using var checkpoint = Checkpoint.Open(folder);
        return Create(copy, checkpoint.Config, checkpoint.StoredType, assumed);
    }

    /// <summary>Plans for a published size of BLOOM, or a made-up one, without any file.</summary>
    /// <param name="shape"><c>560m</c>, <c>1b1</c>, <c>1b7</c>, <c>3b</c>, <c>7b1</c>, <c>176b</c>, or <c>layers,hidden,heads,vocabulary</c>; weights are taken to be 16 bits wide.</param>
    /// <param name="options">As for an engine; <see cref="BloomChatClientOptions.Model"/> does not count.</param>
    /// <param name="freeBytes">As for <see cref="Create(BloomChatClientOptions, IReadOnlyDictionary{string, long}?)"/>.</param>
    /// <exception cref="ArgumentException">The shape is not known, or makes no model; or <paramref name="freeBytes"/> is as it must not be.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options contradict each other.</exception>
    /// <exception cref="LocalBloomException">The devices are not there or too small; the message has the arithmetic.</exception>
    public static BloomPlan CreateForShape(string shape, BloomChatClientOptions options, IReadOnlyDictionary<string, long>? freeBytes = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        AssumedDevices? assumed = freeBytes is null ? null : new(freeBytes);
        BloomConfig config = BloomConfig.ForShape(shape);
        BloomChatClientOptions copy = options.Copy();
        copy.Model = shape;
        BloomChatClientOptionsValidator.ThrowIfInvalid(copy);
        return Create(copy, config, ScalarType.Float16, assumed);
    }

    /// <inheritdoc/>
    public override string ToString() => _plan.ToString();

    private static BloomPlan Create(BloomChatClientOptions options, BloomConfig config, ScalarType storedType, AssumedDevices? assumed)
    {
        if (assumed is not null)
        {
            return new BloomPlan(new ModelPlanner(options, assumed.Find).Plan(config, storedType));
        }

        var catalog = DeviceCatalog.Open(TorchNative.Load(options.LibTorchPath));
        DevicePlan plan = new ModelPlanner(options, catalog.Find).Plan(config, storedType);
        return new BloomPlan(OffloadPlanner.WithStorage(plan, options.StreamFromFile, HostMemory.Free(), Path.GetTempPath()));
    }
}
