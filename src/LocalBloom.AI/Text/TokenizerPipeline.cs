namespace LocalBloom.AI.Text;

/// <summary>Checks that a <c>tokenizer.json</c> asks for BLOOM's way from text to tokens and back, which is the one that we reproduce.</summary>
internal static class TokenizerPipeline
{
    // In Oniguruma the inner brackets are a nested set. .NET would end the class at the first ']': see BloomPieces for its equivalent.
    private const string BloomRegex = @" ?[^(\s|[.,!?…。，、।۔،])]+";
    private const string BloomRegexWithoutNesting = @" ?[^(\s|.,!?…。，、।۔،)]+";

    /// <summary>Refuses what would give other tokens than ours.</summary>
    /// <exception cref="CheckpointException">A step is missing, unknown, or set otherwise than BLOOM's.</exception>
    public static void Check(LocatedJson root)
    {
        CheckNormalizer(root["normalizer"]);
        CheckPreTokenizer(root["pre_tokenizer"]);
        CheckModel(root["model"]);
        CheckByteLevel(root["decoder"]);

        // ByteLevel after encoding moves offsets only; other kinds add tokens, which is the prompt template's task here.
        if (root["post_processor"] is { IsNull: false } postProcessor)
        {
            CheckByteLevel(postProcessor);
        }
    }

    private static void CheckNormalizer(LocatedJson normalizer)
    {
        bool isEmptySequence = normalizer["normalizers"] is { IsArray: true } steps && steps.Length() == 0;
        if (!normalizer.IsNull && !isEmptySequence)
        {
            throw normalizer.Error($"changes text before it is encoded ({KindOf(normalizer)}); BLOOM has none, and none is supported");
        }
    }

    private static void CheckPreTokenizer(LocatedJson preTokenizer)
    {
        LocatedJson steps = preTokenizer["pretokenizers"];
        if (KindOf(preTokenizer) != "Sequence" || steps.Length() != 2)
        {
            throw preTokenizer.Error($"is {KindOf(preTokenizer)}; expected BLOOM's Sequence of Split and ByteLevel");
        }

        LocatedJson split = steps.At(0);
        LocatedJson regex = split["pattern"]["Regex"];
        if (KindOf(split) != "Split" || split["behavior"].TextOrNull() != "Isolated" || split["invert"].IsTrue())
        {
            throw split.Error(
                $"is {KindOf(split)} with behavior {split["behavior"].TextOrNull()}; expected Split with behavior Isolated, not inverted");
        }

        if (regex.Text() is not (BloomRegex or BloomRegexWithoutNesting))
        {
            throw regex.Error($"is '{regex.Text()}'; only BLOOM's '{BloomRegex}' is supported");
        }

        LocatedJson byteLevel = steps.At(1);
        CheckByteLevel(byteLevel);
        if (byteLevel["add_prefix_space"].IsTrue() || !byteLevel["use_regex"].IsFalse())
        {
            throw byteLevel.Error("has add_prefix_space or use_regex; expected both to be false, as BLOOM has them");
        }
    }

    private static void CheckByteLevel(LocatedJson step)
    {
        if (KindOf(step) != "ByteLevel")
        {
            throw step.Error($"is {KindOf(step)}; expected ByteLevel");
        }
    }

    private static void CheckModel(LocatedJson model)
    {
        if (KindOf(model) != "BPE")
        {
            throw model["type"].Error($"is {KindOf(model)}; expected BPE");
        }

        foreach (string name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(model[name].TextOrNull()))
            {
                throw model[name].Error($"is '{model[name].Text()}'; BLOOM has none, and none is supported");
            }
        }

        if (!model["dropout"].IsNull)
        {
            throw model["dropout"].Error("is set; encoding must not be random, so expected null");
        }

        if (model["ignore_merges"].IsTrue())
        {
            throw model["ignore_merges"].Error("is true; BLOOM's is false, and nothing else is supported");
        }
    }

    private static string KindOf(LocatedJson step) => step["type"].TextOrNull() ?? "without a type";
}
