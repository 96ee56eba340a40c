using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>Passes progress on, and logs every tenth of it.</summary>
/// <param name="logger">Where to log.</param>
/// <param name="inner">Whom to tell; nobody if null.</param>
internal sealed class LoggedProgress(ILogger logger, IProgress<LoadProgress>? inner) : IProgress<LoadProgress>
{
    private int _tenths;

    /// <inheritdoc/>
    public void Report(LoadProgress value)
    {
        inner?.Report(value);
        int tenths = value.BytesTotal == 0 ? 10 : (int)(10 * (double)value.BytesLoaded / value.BytesTotal);
        if (tenths > _tenths)
        {
            _tenths = tenths;
            EngineLog.Progress(logger, 10 * tenths, ByteSize.Format(value.BytesLoaded), ByteSize.Format(value.BytesTotal));
        }
    }
}
