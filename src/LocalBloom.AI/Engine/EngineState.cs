namespace LocalBloom.AI.Engine;

/// <summary>Where an engine is in its life.</summary>
internal enum EngineState
{
    /// <summary>Nobody needed the model yet.</summary>
    NotLoaded,

    /// <summary>The model is being loaded.</summary>
    Loading,

    /// <summary>Requests are served.</summary>
    Ready,

    /// <summary>The last load failed, or the engine stopped by an error.</summary>
    Failed,

    /// <summary>It takes no more requests.</summary>
    Stopping,
}
