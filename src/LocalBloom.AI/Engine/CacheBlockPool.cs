namespace LocalBloom.AI.Engine;

/// <summary>Which blocks of the cache are in use. A block may have several users; it is free when the last has released it.</summary>
/// <param name="count">How many blocks there are.</param>
/// <remarks>Belongs to the engine thread.</remarks>
internal sealed class CacheBlockPool(int count)
{
    private readonly int[] _users = new int[count];

    /// <summary>Gets how many blocks there are.</summary>
    public int Count => _users.Length;

    /// <summary>Gets how many are free.</summary>
    public int FreeCount { get; private set; } = count;

    /// <summary>Gives a free block its first user.</summary>
    /// <param name="previous">The block before it in the sequence; −1 for none. The one that follows it is given where it is free: blocks in a row are read faster.</param>
    /// <param name="block">The block.</param>
    /// <returns>Whether one was free.</returns>
    public bool TryAllocate(int previous, out int block)
    {
        block = -1;
        if (FreeCount == 0)
        {
            return false;
        }

        block = previous >= 0 && previous + 1 < _users.Length && _users[previous + 1] == 0 ? previous + 1 : StartOfNewRow();
        _users[block] = 1;
        FreeCount--;
        return true;
    }

    /// <summary>Adds a user to a block in use.</summary>
    public void Share(int block) => _users[block]++;

    /// <summary>Gets whether a block has more than one user, so that none may write to it.</summary>
    public bool IsShared(int block) => _users[block] > 1;

    /// <summary>Takes a user from a block.</summary>
    public void Release(int block)
    {
        if (--_users[block] == 0)
        {
            FreeCount++;
        }
    }

    // The beginning of the pool, or the middle of the longest free stretch where the sequence before it would soon meet this one.
    private int StartOfNewRow()
    {
        int longest = 0, start = -1;
        for (int i = 0; i < _users.Length; i++)
        {
            int first = i;
            while (i < _users.Length && _users[i] == 0)
            {
                i++;
            }

            if (i - first > longest)
            {
                (longest, start) = (i - first, first);
            }
        }

        return start == 0 ? 0 : start + (longest / 2);
    }
}
