using Microsoft.Extensions.AI;
using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Everything that the chat shows.</summary>
internal sealed class ChatView(IAnsiConsole console) : ReplyView(console)
{
    private const double NearlyFull = 0.8;

    public void Welcome(BloomEngine engine, ChatArguments arguments)
    {
        Line("LocalBloom.AI console chat", Bold);
        Line($"model     {engine.ModelId}");
        Line($"strategy  {arguments.Model.Strategy}");
        Line($"context   {engine.MaxContextTokens} tokens; a longer conversation: {ChatArguments.NameOf(arguments.History)} (--history)");
        Plan(engine.DescribePlan());
        Blank();
    }

    public void Plan(string plan)
    {
        string[] lines = plan.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            Line((i == 0 ? "plan      " : "  ") + lines[i].Trim());
        }
    }

    /// <summary>Shows what the first question is about, and how to go on.</summary>
    /// <param name="conversation">A conversation without turns.</param>
    /// <param name="isNewcomer">Whether the passage is the one that comes with the program.</param>
    public void Begin(Conversation conversation, bool isNewcomer)
    {
        if (conversation.Passage is { } passage)
        {
            Passage(passage, conversation.IsPassageDue, isWhole: true);
        }

        Notice(isNewcomer ? "Ask about it, for example: What is Holm known for? /help lists the commands." : "/help lists the commands.");
        Blank();
    }

    public void Passage(Passage passage, bool isDue, bool isWhole)
    {
        string size = isWhole ? ":" : $" ({passage.Text.Length} characters).";
        Notice(isDue ? $"The next question comes after the passage {passage.Name}{size}" : $"The conversation is about the passage {passage.Name}{size}");
        if (isWhole)
        {
            Line(passage.Text);
        }
    }

    public void Help() => Line(ChatCommand.Help);

    public void History(IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count == 0)
        {
            Notice("Nothing was said yet.");
        }

        foreach (ChatMessage message in messages)
        {
            Line($"{(message.Role == ChatRole.User ? "you" : message.Role == ChatRole.Assistant ? "model" : message.Role.Value)}:", Dim);
            Line(message.Text);
        }
    }

    /// <summary>Shows what a complete reply took, and how full the context is.</summary>
    public void Account(AnswerTiming timing, int contextTokens)
    {
        long used = timing.PromptTokens + timing.ReplyTokens;
        double part = (double)used / contextTokens;
        string rate = timing.DecodeRate is { } decoded ? $" · {decoded:0.0} tokens/s" : "";
        string cut = timing.FinishReason == ChatFinishReason.Length && used < contextTokens ? " · cut off by --max-tokens" : "";
        Line(
            $"{timing.ReplyTokens} tokens{rate} · first after {timing.ToFirstText.TotalSeconds:0.000} s · context {used} of {contextTokens} ({part:0 %}){cut}",
            part < NearlyFull ? Dim : Yellow);
        Blank();
    }
}
