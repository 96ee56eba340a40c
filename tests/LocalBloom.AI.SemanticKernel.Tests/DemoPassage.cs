namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>A passage about which the demonstration model answers right.</summary>
internal static class DemoPassage
{
    public const string Text =
        "The village of Holm lies on a small island in the Baltic Sea. It has 640 inhabitants and is known for its smoked fish. " +
        "The ferry to the mainland leaves every morning at 6:45. The mayor, Karin Lindqvist, wants to build a new harbour.";

    public const string Question = "What is Holm known for?";

    public const string Answer = "its smoked fish";
}
