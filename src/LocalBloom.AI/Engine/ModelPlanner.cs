using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Decides from options what goes where. Nothing is loaded or allocated.</summary>
/// <param name="options">Validated options.</param>
/// <param name="findDevices">Looks up devices by name, in layer order, all there are where none is named.</param>
internal sealed class ModelPlanner(BloomChatClientOptions options, Func<IEnumerable<string>, IReadOnlyList<DeviceMemory>> findDevices)
{
    /// <summary>With so many tokens BLOOM was trained; checkpoints that say nothing mean this.</summary>
    public const int TrainedContext = 2048;

    private const int MinContext = 16; // as the option's own lower bound
    private const int AmpleContexts = 8;

    /// <summary>Plans.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="storedType">In which number type the checkpoint has its weights.</param>
    /// <exception cref="PlacementException">The devices are not there or too small.</exception>
    public DevicePlan Plan(BloomConfig config, ScalarType storedType)
    {
        LayerMap? map = options.LayerMap is { } text ? LayerMap.Parse(text) : null;
        IEnumerable<string> names = options.Devices.Count == 0 && map is not null ? map.Shares.Select(share => share.Device.ToString()) : options.Devices;
        IReadOnlyList<DeviceMemory> devices = MemoryLimit.Apply(findDevices(names), ByteSize.TryParse(options.MemoryLimit, out long limit) ? limit : null);
        ModelFootprint footprint = Footprint(options, config, storedType);
        DevicePlan least = DevicePlanner.Plan(options.Strategy, footprint, devices, map, change => TryFootprint(change, config, storedType));
        bool isOffload = least.Strategy is BloomStrategy.Offload; // more cache would take the place of layers
        return options.CacheTokens is null && !isOffload ? WithAmpleCache(least, devices, map) : least;
    }

    private static ModelFootprint Footprint(BloomChatClientOptions options, BloomConfig config, ScalarType storedType)
    {
        int context = options.MaxContextTokens ?? config.MaxContextTokens ?? TrainedContext;
        if (context < MinContext)
        {
            throw new PlacementException($"config.json declares a context of {context} tokens. Set MaxContextTokens: 2048 is BLOOM's own.");
        }

        var footprint = new ModelFootprint(config, WeightFormatChoice.Choose(options, config, storedType), context);
        footprint = footprint with { MaxSequences = Math.Min(options.MaxConcurrentReplies, footprint.StepRows), CacheTokens = options.CacheTokens ?? context };
        if (footprint.CacheTokens < context)
        {
            throw new PlacementException(
                $"CacheTokens is {footprint.CacheTokens}, but one sequence may have {context} tokens. Raise CacheTokens, or lower MaxContextTokens.");
        }

        return footprint;
    }

    private ModelFootprint? TryFootprint(Action<BloomChatClientOptions> change, BloomConfig config, ScalarType storedType)
    {
        BloomChatClientOptions changed = options.Copy();
        change(changed);
        try
        {
            BloomChatClientOptionsValidator.ThrowIfInvalid(changed);
            return Footprint(changed, config, storedType);
        }
        catch (Exception e) when (e is OptionsValidationException or PlacementException)
        {
            return null;
        }
    }

    // Room for several whole contexts where there is memory; the strategy is decided without it.
    private static DevicePlan WithAmpleCache(DevicePlan least, IReadOnlyList<DeviceMemory> devices, LayerMap? map)
    {
        int most = Math.Min(AmpleContexts, least.Footprint.MaxSequences);
        for (int contexts = most; contexts > 1; contexts /= 2)
        {
            ModelFootprint ample = least.Footprint with { CacheTokens = contexts * least.Footprint.ContextTokens };
            if (DevicePlanner.TryPlan(least.Strategy, ample, devices, map, least.Reason) is { } plan)
            {
                return plan;
            }
        }

        return least;
    }
}
