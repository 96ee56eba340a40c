using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalBloom.AI;

/// <summary>Amounts of memory, for people.</summary>
internal static partial class ByteSize
{
    /// <summary>The forms that are understood, as error messages list them.</summary>
    public const string AcceptedForms = "a number and a unit, such as 8GB (8·10⁹ bytes), 7.5 GiB (7.5·2³⁰ bytes), 8000MB or 512MiB";

    /// <summary>The largest amount: an exbibyte.</summary>
    public const long Most = 1L << 60;

    /// <summary>Reads an amount above zero: a number and B, kB, MB, GB, TB (powers of ten), KiB, MiB, GiB or TiB (powers of two), in any case.</summary>
    /// <param name="text">For example <c>8GB</c> or <c>7.5 GiB</c>.</param>
    /// <param name="bytes">The amount, rounded down to whole bytes; at most an exbibyte.</param>
    public static bool TryParse(string? text, out long bytes)
    {
        bytes = 0;
        if (text is null || Pattern().Match(text) is not { Success: true } match
            || !decimal.TryParse(match.Groups["number"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
        {
            return false;
        }

        int power = 1 + "kmgt".IndexOf(char.ToLowerInvariant(match.Groups["prefix"].ValueSpan is [char prefix, ..] ? prefix : ' '), StringComparison.Ordinal);
        long unit = 1;
        for (int i = 0; i < power; i++)
        {
            unit *= match.Groups["binary"].Success ? 1024 : 1000;
        }

        if (number > (decimal)Most / unit)
        {
            return false;
        }

        bytes = (long)(number * unit);
        return bytes > 0;
    }

    /// <summary>Formats bytes as <see cref="Format"/> does, but never less than they are: what is to be enough.</summary>
    public static string FormatUp(long bytes)
    {
        long step = bytes switch { >= 1_000_000_000 => 10_000_000, >= 1_000_000 => 10_000, >= 1_000 => 10, _ => 1 };
        return Format((bytes + step - 1) / step * step);
    }

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

    [GeneratedRegex(
        @"^\s*(?<number>[0-9]{1,19}(\.[0-9]{1,9})?)\s*(?<prefix>[kmgt](?<binary>i)?)?b\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
