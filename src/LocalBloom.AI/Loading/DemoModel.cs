namespace LocalBloom.AI.Loading;

/// <summary>The small model of the package LocalBloom.AI.DemoModel, whose files lie beside the application.</summary>
internal static class DemoModel
{
    /// <summary>What to do where no model is named and none is beside the application.</summary>
    public const string Missing =
        "Model is empty. Give a checkpoint folder or a hub id (if it comes from configuration, is the section's name right?), " +
        "or add the package LocalBloom.AI.DemoModel, which brings a small model.";

    private const string FolderName = "localbloom-demo-model";

    /// <summary>Gets the model's folder; <see langword="null"/> where the application has not got it.</summary>
    public static string? Find()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, FolderName);
        return File.Exists(Path.Combine(folder, "config.json")) ? folder : null;
    }
}
