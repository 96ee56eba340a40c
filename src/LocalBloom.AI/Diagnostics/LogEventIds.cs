namespace LocalBloom.AI.Diagnostics;

/// <summary>The ids of everything that is logged. An event's name is that of its constant; ids and names stay what they are.</summary>
internal static class LogEventIds
{
    public const int Loading = 1;
    public const int Planned = 2;
    public const int Note = 3;
    public const int Progress = 4;
    public const int Ready = 5;
    public const int PromptType = 6;
    public const int StepFailed = 7;
    public const int NoKernel = 8;
    public const int LoadFailed = 9;
    public const int WarmedUp = 10;
    public const int EngineFailed = 11;
    public const int Draining = 12;
    public const int DrainCutShort = 13;
    public const int ShutDown = 14;
    public const int ListenerFailed = 15;
    public const int NotWarmedUp = 16;

    public const int RequestFinished = 20;
    public const int EmbeddingFinished = 21;
    public const int RequestRejected = 22;
    public const int RequestTimedOut = 23;
    public const int RequestCancelled = 24;
    public const int RequestFailed = 25;
    public const int RepliesPreempted = 26;

    public const int RanksMeasured = 30;
    public const int TensorParallelSlower = 31;
    public const int SumsThroughHost = 32;
    public const int MemoryKept = 33;
    public const int SumsThroughNccl = 34;

    public const int RequestPartsIgnored = 100;
    public const int MessagesDropped = 101;
    public const int Prompt = 102;
    public const int Reply = 103;
}
