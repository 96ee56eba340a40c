using System.Buffers;
using System.Text;

namespace LocalBloom.AI.Text;

/// <summary>The alphabet in which byte-level BPE spells bytes: one printable character for each of the 256, as GPT-2 laid it down.</summary>
internal static class ByteLevelAlphabet
{
    // Printable Latin-1 stands for itself; the other 68 bytes take the characters from U+0100 on, in order.
    private const int FirstSubstitute = 0x100;
    private const short NoByte = -1;

    private static readonly char[] s_byteToChar = MapBytes();
    private static readonly short[] s_charToByte = MapChars(s_byteToChar);

    /// <summary>Gets the character that spells a byte.</summary>
    public static char Spell(byte value) => s_byteToChar[value];

    /// <summary>Appends the bytes that a token stands for: what it spells or, where a character is none of the alphabet's, its own UTF-8.</summary>
    public static void AppendBytes(string token, ArrayBufferWriter<byte> bytes)
    {
        Span<byte> target = bytes.GetSpan(Encoding.UTF8.GetMaxByteCount(token.Length));
        int count = 0;
        foreach (char character in token)
        {
            short value = character < s_charToByte.Length ? s_charToByte[character] : NoByte;
            if (value == NoByte)
            {
                count = Encoding.UTF8.GetBytes(token, target);
                break;
            }

            target[count++] = (byte)value;
        }

        bytes.Advance(count);
    }

    private static char[] MapBytes()
    {
        var map = new char[256];
        int substitutes = 0;
        for (int value = 0; value < map.Length; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            map[value] = (char)(printable ? value : FirstSubstitute + substitutes++);
        }

        return map;
    }

    private static short[] MapChars(char[] byteToChar)
    {
        var map = new short[byteToChar.Max() + 1];
        Array.Fill(map, NoByte);
        for (int value = 0; value < byteToChar.Length; value++)
        {
            map[byteToChar[value]] = (short)value;
        }

        return map;
    }
}
