using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>Gives back what several owners hold.</summary>
internal static class Disposal
{
    /// <summary>Disposes every owner, in order: what one owner's device reports must not keep the others from giving their memory back.</summary>
    /// <remarks>An owner that says <see cref="StillInUseException"/> ends it: what comes after is what that owner uses, and stays.</remarks>
    /// <returns>The first error, if there was one; a <see cref="StillInUseException"/> before any other.</returns>
    public static Exception? All(IEnumerable<IDisposable> owners) => All(owners.Select(owner => (Action)owner.Dispose));

    /// <summary>Does all that gives something back, as <see cref="All(IEnumerable{IDisposable})"/> does.</summary>
    public static Exception? All(IEnumerable<Action> steps)
    {
        Exception? first = null;
        foreach (Action step in steps)
        {
            try
            {
                step();
            }
            catch (StillInUseException e)
            {
                return e;
            }
            catch (Exception e) when (e is LocalBloomException or ExternalException)
            {
                first ??= e;
            }
        }

        return first;
    }

    /// <summary>Disposes every owner as <see cref="All(IEnumerable{IDisposable})"/> does, and throws its error at the end.</summary>
    public static void AllOrThrow(IEnumerable<IDisposable> owners) => Throw(All(owners));

    /// <inheritdoc cref="AllOrThrow(IEnumerable{IDisposable})"/>
    public static void AllOrThrow(IEnumerable<Action> steps) => Throw(All(steps));

    private static void Throw(Exception? error)
    {
        if (error is not null)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }
}
