using LocalBloom.AI.Loading;
using LocalBloom.AI.Placement;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI;

/// <summary>Rules that need more than one property, a parser or the file system.</summary>
internal sealed class BloomOptionsCombinationValidator : IValidateOptions<BloomChatClientOptions>
{
    public ValidateOptionsResult Validate(string? name, BloomChatClientOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        if (string.IsNullOrWhiteSpace(options.Model) && DemoModel.Find() is null)
        {
            errors.AddError(DemoModel.Missing, nameof(options.Model));
        }

        List<BloomDevice>? devices = ReadDevices(options, errors);
        if (devices is not null)
        {
            CheckStrategy(options, devices, errors);
        }

        CheckLayerMap(options, devices, errors);
        CheckMemoryLimit(options, errors);
        CheckTokens(options, errors);
        CheckServing(options, errors);
        CheckNumberTypes(options, errors);
        Int8OptionsRules.Check(options, errors);
        CheckLibTorchPath(options, errors);
        return errors.Build();
    }

    private static List<BloomDevice>? ReadDevices(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.Devices is null)
        {
            return null; // the property's own rule reports it
        }

        var devices = new List<BloomDevice>();
        bool valid = true;
        foreach (string text in options.Devices)
        {
            if (BloomDevice.TryParse(text, out BloomDevice device))
            {
                devices.Add(device);
                continue;
            }

            valid = false;
            errors.AddError($"'{text}' is no device. Use {BloomDevice.AcceptedNames}.", nameof(options.Devices));
        }

        return valid && AreDistinct(devices, nameof(options.Devices), errors) ? devices : null;
    }

    private static bool AreDistinct(IReadOnlyCollection<BloomDevice> devices, string property, ValidateOptionsResultBuilder errors)
    {
        bool distinct = true;
        foreach (BloomDevice device in devices.GroupBy(device => device).Where(group => group.Count() > 1).Select(group => group.Key))
        {
            distinct = false;
            errors.AddError(
                $"{device} is listed more than once. List it once, or split it into logical parts: {device.Physical}#0, {device.Physical}#1.",
                property);
        }

        foreach (BloomDevice device in devices.Where(device => device.Part is not null && devices.Contains(device.Physical)))
        {
            distinct = false;
            errors.AddError($"{device.Physical} is listed as a whole and as the part {device}. List the whole device or its parts.", property);
        }

        return distinct;
    }

    private static void CheckStrategy(BloomChatClientOptions options, List<BloomDevice> devices, ValidateOptionsResultBuilder errors)
    {
        if (options.Strategy is BloomStrategy.SingleDevice && devices.Count > 1)
        {
            errors.AddError(
                $"SingleDevice uses one device, but {devices.Count} are listed: {string.Join(", ", devices)}. " +
                "Keep one of them, or set Strategy to LayerSplit or TensorParallel.",
                nameof(options.Devices));
        }

        if (options.Strategy is BloomStrategy.Int8 && options.WeightFormat is BloomWeightFormat.Dense)
        {
            errors.AddError("Strategy Int8 keeps matrices as int8, but WeightFormat is Dense. Leave WeightFormat at Auto, or choose another Strategy.", nameof(options.WeightFormat));
        }

        if (options.Strategy is BloomStrategy.TensorParallel && devices.Count > 0 && TensorParallelPlanner.Problem(devices) is { } problem)
        {
            errors.AddError(problem, nameof(options.Devices));
        }

        if (options.Strategy is BloomStrategy.LayerSplit && devices is [BloomDevice only])
        {
            errors.AddError(
                $"LayerSplit needs at least two devices, but only {only} is listed. " +
                $"A single device may be split into logical ones: {only.Physical}#0, {only.Physical}#1.",
                nameof(options.Devices));
        }
    }

    private static void CheckLayerMap(BloomChatClientOptions options, List<BloomDevice>? devices, ValidateOptionsResultBuilder errors)
    {
        const string Property = nameof(options.LayerMap);
        if (options.LayerMap is null)
        {
            return;
        }

        if (options.Strategy is not (BloomStrategy.LayerSplit or BloomStrategy.Offload or BloomStrategy.Auto or BloomStrategy.Int8))
        {
            errors.AddError(
                $"'{options.LayerMap}' is for LayerSplit and Offload, but Strategy is {options.Strategy}. Remove it, or set Strategy to LayerSplit.", Property);
        }

        if (!LayerMap.TryParse(options.LayerMap, out LayerMap? map, out string? problem))
        {
            errors.AddError(problem, Property);
            return;
        }

        List<BloomDevice> mapped = [.. map.Shares.Select(share => share.Device)];
        if (mapped is [BloomDevice only])
        {
            errors.AddError(
                $"'{map}' names only {only}, but a split needs at least two devices. Name another, or use SingleDevice without a map.", Property);
        }

        _ = AreDistinct(mapped, Property, errors);
        if (devices is { Count: > 0 } && !devices.SequenceEqual(mapped))
        {
            errors.AddError(
                $"'{map}' does not name the devices of Devices ({string.Join(", ", devices)}) in their order. " +
                "Make them agree, or leave Devices empty.",
                Property);
        }
    }

    private static void CheckMemoryLimit(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.MemoryLimit is { } text && !ByteSize.TryParse(text, out _))
        {
            errors.AddError($"'{text}' is no amount of memory. Use {ByteSize.AcceptedForms}, or null for all that is free.", nameof(options.MemoryLimit));
        }
    }

    private static void CheckTokens(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.MaxContextTokens is int context && options.MaxOutputTokens >= context)
        {
            errors.AddError(
                $"A reply of {options.MaxOutputTokens} tokens leaves no room for a prompt in MaxContextTokens = {context}. " +
                "Lower MaxOutputTokens or raise MaxContextTokens.",
                nameof(options.MaxOutputTokens));
        }
    }

    private static void CheckServing(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.CacheTokens < options.MaxContextTokens)
        {
            errors.AddError(
                $"A cache of {options.CacheTokens} tokens cannot hold one sequence of MaxContextTokens = {options.MaxContextTokens}. " +
                "Raise CacheTokens or lower MaxContextTokens.",
                nameof(options.CacheTokens));
        }

        if (options.RequestTimeout <= TimeSpan.Zero)
        {
            errors.AddError($"{options.RequestTimeout} leaves no time for a reply. Use more than zero, or null for no limit.", nameof(options.RequestTimeout));
        }
    }

    private static void CheckNumberTypes(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.NumberType is BloomNumberType.Float32 && options.CpuPromptNumberType is not (BloomNumberType.Auto or BloomNumberType.Float32))
        {
            errors.AddError(
                $"{options.CpuPromptNumberType} is only for weights of 16 bits, but NumberType is Float32. " +
                "Leave CpuPromptNumberType at Auto, or choose a NumberType of 16 bits.",
                nameof(options.CpuPromptNumberType));
        }
    }

    private static void CheckLibTorchPath(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.LibTorchPath is string path && !Directory.Exists(path))
        {
            errors.AddError(
                $"The folder '{path}' does not exist. Give the folder torch/lib of an installed PyTorch, or null for the native package.",
                nameof(options.LibTorchPath));
        }
    }
}
