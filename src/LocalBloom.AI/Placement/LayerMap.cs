using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace LocalBloom.AI.Placement;

/// <summary>How many layers each device takes, in layer order: the parsed form of <see cref="BloomChatClientOptions.LayerMap"/>.</summary>
internal sealed class LayerMap
{
    private const int MaxLayers = 4096; // as many as any config.json may have

    private LayerMap(IReadOnlyList<LayerShare> shares) => Shares = shares;

    /// <summary>Gets the shares in layer order, each device once, at least one.</summary>
    public IReadOnlyList<LayerShare> Shares { get; }

    /// <summary>Gets the number of layers of all devices together.</summary>
    public int TotalLayers => Shares.Sum(share => share.Layers);

    /// <summary>Reads a map such as <c>cuda:0=18,cuda:1=12</c>.</summary>
    /// <exception cref="FormatException">The text is no such map; the message says where and what was expected.</exception>
    public static LayerMap Parse(string text) =>
        TryParse(text, out LayerMap? map, out string? problem) ? map : throw new FormatException(problem);

    /// <summary>Reads a map as <see cref="Parse"/> does, or says what is wrong with it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LayerMap? map, [NotNullWhen(false)] out string? problem)
    {
        map = null;
        var shares = new List<LayerShare>();
        foreach (string entry in (text ?? "").Split(','))
        {
            problem = Read(entry, shares);
            if (problem is not null)
            {
                return false;
            }
        }

        problem = null;
        map = new LayerMap(shares);
        return true;
    }

    /// <summary>Returns the map in the form that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        string.Join(',', Shares.Select(share => string.Create(CultureInfo.InvariantCulture, $"{share.Device}={share.Layers}")));

    private static string? Read(string entry, List<LayerShare> shares)
    {
        string[] sides = entry.Split('=');
        if (sides.Length != 2)
        {
            return $"'{entry.Trim()}' is not of the form device=layers. An example: cuda:0=18,cuda:1=12.";
        }

        if (!BloomDevice.TryParse(sides[0], out BloomDevice device))
        {
            return $"'{sides[0].Trim()}' is no device. Use {BloomDevice.AcceptedNames}.";
        }

        if (!int.TryParse(sides[1], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int layers)
            || layers is < 1 or > MaxLayers)
        {
            return $"'{sides[1].Trim()}' layers for {device}: give a whole number of at least 1 and at most {MaxLayers}, or leave the device out.";
        }

        if (shares.Exists(share => share.Device == device))
        {
            return $"{device} stands there twice. Give each device one run of layers, or split it into logical parts such as {device.Physical}#0.";
        }

        shares.Add(new LayerShare(device, layers));
        return null;
    }
}
