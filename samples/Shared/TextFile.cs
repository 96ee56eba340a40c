using System.Text;

namespace LocalBloom.AI.Samples;

/// <summary>Reads text files: UTF-8, and UTF-16 and UTF-32 with a byte order mark; other encodings would be guessed at.</summary>
internal static class TextFile
{
    /// <summary>The largest file that is read, in bytes: more than any book has.</summary>
    public const int MaxBytes = 4 << 20;

    // By their byte order marks; the longer of two that begin alike comes first.
    private static readonly Encoding[] s_marked =
    [
        new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
    ];

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file.</summary>
    /// <exception cref="UsageException">It cannot be read or is no text; the message is one sentence with its name.</exception>
    public static string Read(string path) => TryRead(path, out string problem) ?? throw new UsageException($"{path} {problem}.");

    /// <summary>Reads a file, or says what is wrong with it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">The rest of a sentence that begins with the file's name; empty where there is none.</param>
    /// <returns>Its text, not blank; <see langword="null"/> where there is a problem.</returns>
    public static string? TryRead(string path, out string problem)
    {
        try
        {
            byte[]? bytes = Directory.Exists(path) ? [] : ReadBytes(path);
            string? text = bytes is null ? null : Decode(bytes);
            problem =
                Directory.Exists(path) ? "is a folder, and a text file is needed" :
                bytes is null ? $"has more than {MaxBytes >> 20} MiB" :
                text is null ? "is not UTF-8; save it in that encoding" :
                text.Contains('\0', StringComparison.Ordinal) ? "is no text" :
                string.IsNullOrWhiteSpace(text) ? "is empty" :
                "";
            return problem.Length == 0 ? text : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            problem = "does not exist";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problem = $"cannot be read: {Failure.Describe(e).TrimEnd('.')}";
        }

        return null;
    }

    /// <returns><see langword="null"/> where there are too many. It reads no further then: a device may have no end.</returns>
    private static byte[]? ReadBytes(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[MaxBytes + 1];
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read <= MaxBytes ? bytes[..read] : null;
    }

    /// <returns><see langword="null"/> where the bytes are not in the encoding.</returns>
    private static string? Decode(ReadOnlySpan<byte> bytes)
    {
        Encoding encoding = s_utf8;
        foreach (Encoding marked in s_marked)
        {
            if (bytes.StartsWith(marked.Preamble))
            {
                encoding = marked;
                bytes = bytes[marked.Preamble.Length..];
                break;
            }
        }

        try
        {
            return encoding.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
