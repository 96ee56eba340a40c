using System.ComponentModel;
using Microsoft.SemanticKernel;

namespace LocalBloom.AI.Samples;

/// <summary>A plugin. BLOOM calls no functions, so that a prompt's template does: <c>{{NoticeBoard.Read $village}}</c>.</summary>
internal sealed class NoticeBoard
{
    [KernelFunction]
    [Description("Reads what stands on a village's notice board.")]
    public static string Read([Description("The village's name.")] string village) => village switch
    {
        "Holm" =>
            "The school trip to the castle was cancelled because the bus had broken down. The pupils stayed at school and painted posters instead. " +
            "Their teacher, Mr Allen, promised a new date in June.",
        _ => $"The notice board of {village} is empty.",
    };
}
