namespace LocalBloom.AI.Samples;

/// <summary>The prompt that the sample asks by itself and that the latency tool measures: an instruction, a passage and a question.</summary>
internal static class SeedPrompt
{
    /// <summary>"Consult the passage below, then answer the question in the passage's language."</summary>
    public const string Instruction = "参考下面的文章，然后用与文章相同的语言回答问题";

    /// <summary>How latent tuberculosis turns into active disease.</summary>
    public const string Passage =
        "结核分枝杆菌随飞沫进入肺部后，多数人的免疫系统会把它围困在肉芽肿里，细菌停止繁殖，人也没有任何症状，这个阶段叫做潜伏感染。" +
        "潜伏感染者不会把病传给别人，但体内的细菌仍然活着，可以沉睡几年甚至几十年。" +
        "当免疫力下降时，例如感染艾滋病毒、患上糖尿病、营养不良或年老体弱，包围圈就会松动，细菌重新繁殖，潜伏感染便发展为活动性结核病。" +
        "这时病人会咳嗽、发热、盗汗、消瘦，并能通过空气传染他人。" +
        "大约每十名潜伏感染者中有一人一生中会发病，其中半数在感染后的头两年；及时服用预防药物可以大大降低这种风险。";

    public const string Question = "What is the next stage after TB infection?";

    /// <summary>Gets the whole prompt, about 170 tokens for BLOOM's tokenizer.</summary>
    public static string Text { get; } = Compose(Passage, Question);

    public static string Compose(string passage, string question) => $"{Instruction}\n{passage.Trim()}\n{question}";
}
