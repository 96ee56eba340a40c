using System.Globalization;

namespace LocalBloom.AI;

/// <summary>Amounts of memory, for people.</summary>
internal static class ByteSize
{
    /// <summary>Formats bytes with three digits or so: <c>14.1 GB</c>, <c>3.4 MB</c> (powers of ten, as device makers count).</summary>
    public static string Format(long bytes)
    {
        (double value, string unit) = Math.Abs(bytes) switch
        {
            >= 1_000_000_000 => (bytes / 1e9, "GB"),
            >= 1_000_000 => (bytes / 1e6, "MB"),
            >= 1_000 => (bytes / 1e3, "kB"),
            _ => (bytes, "B"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {unit}");
    }
}
