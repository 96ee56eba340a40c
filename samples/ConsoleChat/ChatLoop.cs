using System.Text;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>The chat: reads a line, asks or obeys, until the person leaves.</summary>
internal sealed class ChatLoop(IChatClient client, ILineReader reader, ChatView view, Conversation conversation, Interrupts interrupts)
{
    private bool _hasFailed;

    /// <summary>Gets the most tokens of conversation and reply together.</summary>
    public required int ContextTokens { get; init; }

    public int MaxReplyTokens { get; init; } = 128;

    /// <summary>Gets what the client does with a conversation that is longer than the context.</summary>
    public ChatHistoryPolicy History { get; init; }

    /// <summary>Gets what tells which device holds what.</summary>
    public required Func<string> DescribePlan { get; init; }

    /// <returns>The exit code: a failed question is a failure of the program only where nobody could react to it.</returns>
    public async Task<int> RunAsync()
    {
        while (await reader.ReadAsync(interrupts.Quit) is { } line)
        {
            ChatCommand command = ChatCommand.Parse(line);
            if (command.Kind is ChatCommandKind.Quit)
            {
                break;
            }

            if (command.Kind is ChatCommandKind.Ask)
            {
                await AskAsync(command.Text);
            }
            else
            {
                Obey(command);
            }
        }

        return _hasFailed && !reader.IsInteractive ? Failure.Failed : 0;
    }

    private async Task AskAsync(string text)
    {
        ChatMessage question = conversation.Ask(text);
        var reply = new StringBuilder();
        var timing = new AnswerTiming();
        view.BeginReply();
        try
        {
            bool isComplete = await interrupts.DuringReplyAsync(token => StreamAsync(question, reply, timing, token));
            view.EndReply();
            if (isComplete)
            {
                Keep(question, reply.ToString(), timing);
            }
            else if (!interrupts.Quit.IsCancellationRequested)
            {
                view.Warning($"Cancelled. The question and its reply are forgotten{Recall()}.");
                view.Blank();
            }
        }
        catch (ContextOverflowException e)
        {
            Fail(DescribeOverflow(e));
        }
        catch (Exception e)
        {
            Fail(Failure.Describe(e));
        }
    }

    private async Task StreamAsync(ChatMessage question, StringBuilder reply, AnswerTiming timing, CancellationToken cancellationToken)
    {
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = MaxReplyTokens };
        IReadOnlyList<ChatMessage> messages = [.. conversation.Messages, question];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, options, cancellationToken))
        {
            timing.Observe(update);
            reply.Append(update.Text);
            view.ReplyText(update.Text);
        }
    }

    private void Keep(ChatMessage question, string reply, AnswerTiming timing)
    {
        conversation.Keep(question, reply);
        if (reply.Length == 0)
        {
            view.Notice("(a reply without text)");
        }

        if (timing.FinishReason == ChatFinishReason.Length && timing.PromptTokens + timing.ReplyTokens >= ContextTokens)
        {
            view.Warning("The context is full: the reply ends here. /new begins a new conversation.");
        }

        view.Account(timing, ContextTokens);
    }

    private void Fail(string problem)
    {
        _hasFailed = true;
        view.EndReply();
        view.Problem(problem);
        view.Blank();
    }

    private string DescribeOverflow(ContextOverflowException e)
    {
        bool isAlone = !conversation.Messages.Any(message => message.Role == ChatRole.User);
        string size = $"at least {e.PromptTokens} tokens, and {e.MaxContextTokens} is the most with the reply";
        string other = History is ChatHistoryPolicy.Refuse ? "; started with --history drop-oldest, the chat leaves out the oldest turns instead" : "";
        return isAlone
            ? $"The question does not fit the context: with passage and system message it has {size}. A shorter passage helps, or a larger --context."
            : $"The context is full: the conversation with this question has {size}. /new begins a new conversation{Recall()}{other}.";
    }

    private string Recall() => reader.IsInteractive ? "; ↑ brings the question back" : "";

    private void Obey(ChatCommand command)
    {
        switch (command.Kind)
        {
            case ChatCommandKind.Help:
                view.Help();
                break;
            case ChatCommandKind.New:
                conversation.Restart();
                view.Notice("A new conversation.");
                ShowPassage(isWhole: false);
                break;
            case ChatCommandKind.History:
                view.History(conversation.Messages);
                break;
            case ChatCommandKind.Passage:
                ChangePassage(command.Text);
                break;
            case ChatCommandKind.Plan:
                view.Plan(DescribePlan());
                break;
            case ChatCommandKind.Unknown:
                _hasFailed = true;
                view.Problem($"{command.Text}: no such command. /help lists the commands.");
                break;
            default:
                return;
        }

        view.Blank();
    }

    private void ChangePassage(string argument)
    {
        try
        {
            if (argument.Length > 0)
            {
                conversation.Use(argument == "-" ? null : Passage.Read(argument));
            }

            ShowPassage(isWhole: true);
        }
        catch (UsageException e)
        {
            _hasFailed = true;
            view.Problem(e.Message);
        }
    }

    private void ShowPassage(bool isWhole)
    {
        if (conversation.Passage is { } passage)
        {
            view.Passage(passage, conversation.IsPassageDue, isWhole);
        }
        else
        {
            view.Notice("There is no passage.");
        }
    }
}
