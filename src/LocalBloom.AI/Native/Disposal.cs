using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>Gives back what several owners hold.</summary>
internal static class Disposal
{
    /// <summary>Disposes every owner, in order: what one owner's device reports must not keep the others from giving their memory back.</summary>
    /// <returns>The first error, if there was one.</returns>
    public static Exception? All(IEnumerable<IDisposable> owners)
    {
        Exception? first = null;
        foreach (IDisposable owner in owners)
        {
            try
            {
                owner.Dispose();
            }
            catch (Exception e) when (e is LocalBloomException or ExternalException)
            {
                first ??= e;
            }
        }

        return first;
    }
}
