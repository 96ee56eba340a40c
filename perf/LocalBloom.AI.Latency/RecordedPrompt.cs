namespace LocalBloom.AI.Latency;

/// <summary>A prompt for models without a tokenizer: 170 token ids, drawn once and fixed, since speed does not depend on what they say.</summary>
internal static class RecordedPrompt
{
    private static readonly int[] s_ids =
    [
        206417, 90441, 238531, 214216, 153772, 83951, 82474, 24150, 63503, 85444, 69586, 152177, 31885, 57215, 208737, 206726, 3948,
        102155, 237784, 131768, 79750, 151471, 130772, 31429, 135699, 91800, 150637, 64741, 1650, 47861, 215528, 228784, 120551, 82561,
        46275, 121642, 148221, 46521, 175455, 45584, 84603, 625, 201964, 116076, 142253, 3779, 190834, 120555, 196494, 142891, 233773,
        150597, 28722, 92976, 151948, 9739, 62715, 139190, 197814, 3887, 86894, 103771, 98208, 17436, 191752, 89926, 132456, 8830,
        21627, 88100, 184013, 6719, 48301, 137714, 82369, 145956, 142032, 131606, 37469, 41411, 87389, 104152, 61235, 43328, 58132,
        237969, 45628, 76165, 26545, 132260, 153336, 9391, 206021, 160806, 147619, 756, 120512, 244834, 11500, 242994, 127389, 187177,
        16847, 145178, 183405, 131503, 30916, 152484, 248283, 18772, 136812, 67771, 151819, 137783, 43929, 34949, 33664, 158128, 61713,
        8037, 94350, 87995, 25132, 178547, 27455, 190745, 57117, 89375, 169519, 114275, 98234, 20809, 140579, 137586, 98580, 216535,
        219586, 14400, 193983, 90515, 238207, 238321, 52096, 69417, 123059, 179138, 60098, 161323, 152977, 36803, 145751, 32601, 63975,
        27333, 232013, 225853, 69968, 182322, 73201, 76933, 92163, 15871, 66845, 196880, 33472, 138970, 30469, 112013, 136466, 54184,
    ];

    /// <summary>Gives the ids, folded into a vocabulary that is smaller than BLOOM's.</summary>
    /// <param name="vocabulary">Its size.</param>
    /// <param name="caller">0 gives the ids as they are; others give as many, all of them different.</param>
    public static IReadOnlyList<int> For(int vocabulary, int caller = 0) => OfLength(s_ids.Length, vocabulary, caller);

    /// <summary>Gives so many ids: those of a caller, over and over.</summary>
    /// <param name="length">How many.</param>
    /// <param name="vocabulary">As above.</param>
    /// <param name="caller">As above; prompts of two callers differ from the first token on.</param>
    public static IReadOnlyList<int> OfLength(int length, int vocabulary, int caller) =>
        [.. Enumerable.Range(0, length).Select(i => (s_ids[i % s_ids.Length] + caller) % vocabulary)];
}
