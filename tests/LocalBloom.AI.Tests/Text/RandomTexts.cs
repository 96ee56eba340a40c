using System.Text;

namespace LocalBloom.AI.Tests.Text;

/// <summary>Makes well-formed texts with what is hard for a tokenizer: many scripts, runs, spaces, punctuation, characters of 1 to 4 bytes.</summary>
internal static class RandomTexts
{
    private static readonly string[] s_alphabets =
    [
        "abcdefghijklmnopqrstuvwxyz", " ", "  \n\t.,!?()|[]", "éüñßøа́бвгд", "的一是不了人我在有他这中大来上国", "، ۔।。，…", "नमस्ते", "مرحبا",
        "0123456789", "—=-_#*/<s>", "\u0085\u001c\u180e\u200b\u2028\u00a0", "😀👨‍👩‍👧🇫🇷𝔘",
    ];

    public static IEnumerable<string> Make(int seed, int count, int maxRunes)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            yield return Make(random, random.Next(maxRunes + 1));
        }
    }

    public static string Make(Random random, int runes)
    {
        var text = new StringBuilder();
        while (runes > 0)
        {
            Rune[] alphabet = [.. s_alphabets[random.Next(s_alphabets.Length)].EnumerateRunes()];
            int run = Math.Min(runes, random.Next(1, 12));
            for (int i = 0; i < run; i++)
            {
                text.Append(alphabet[random.Next(alphabet.Length)]);
            }

            runes -= run;
        }

        return text.ToString();
    }
}
