using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Placement;

/// <summary>A device by torch's name, or a logical part of one.</summary>
/// <param name="Kind">The kind of device.</param>
/// <param name="Index">Which of its kind, from 0; always 0 for the CPU.</param>
/// <param name="Part">Which logical part of the device, from 0; <see langword="null"/> for the whole.</param>
internal readonly partial record struct BloomDevice(DeviceKind Kind, int Index, int? Part = null)
{
    /// <summary>The names that are understood, as error messages list them.</summary>
    public const string AcceptedNames = "cpu, cuda:0, cuda:1, … or logical parts of one device such as cuda:0#0, cuda:0#1, cpu#0, cpu#1";

    /// <summary>Gets the whole device that this is, or is a part of.</summary>
    public BloomDevice Physical => this with { Part = null };

    /// <summary>Reads a device's name; case and surrounding white space do not matter, and <c>cuda</c> means <c>cuda:0</c>.</summary>
    /// <exception cref="FormatException">The name is none of <see cref="AcceptedNames"/>.</exception>
    public static BloomDevice Parse(string text) =>
        TryParse(text, out BloomDevice device) ? device : throw new FormatException($"'{text}' is no device. Use {AcceptedNames}.");

    /// <summary>Reads a device's name as <see cref="Parse"/> does.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out BloomDevice device)
    {
        device = default;
        if (text is null || Pattern().Match(text) is not { Success: true } match)
        {
            return false;
        }

        DeviceKind kind = match.Groups["kind"].Value.Equals("cpu", StringComparison.OrdinalIgnoreCase) ? DeviceKind.Cpu : DeviceKind.Cuda;
        int index = Number(match.Groups["index"]) ?? 0;
        if (kind is DeviceKind.Cpu && index != 0)
        {
            return false; // torch would take cpu:1 for cpu without a word
        }

        device = new BloomDevice(kind, index, Number(match.Groups["part"]));
        return true;
    }

    /// <summary>Returns the name, which <see cref="Parse"/> reads back to the same device.</summary>
    public override string ToString()
    {
        string name = Kind is DeviceKind.Cpu ? "cpu" : string.Create(CultureInfo.InvariantCulture, $"cuda:{Index}");
        return Part is int part ? string.Create(CultureInfo.InvariantCulture, $"{name}#{part}") : name;
    }

    private static int? Number(Group group) => group.Success ? int.Parse(group.ValueSpan, CultureInfo.InvariantCulture) : null;

    // Three digits: torch counts devices in a signed byte, and no number overflows an int.
    [GeneratedRegex(
        @"^\s*(?<kind>cpu|cuda)(:(?<index>[0-9]{1,3}))?(#(?<part>[0-9]{1,3}))?\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
