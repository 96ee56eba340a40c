using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Tests.Engine;

public class SchedulerTests
{
    private static readonly ReplyLimits s_limits = new([2], 1_000, [], Tokenizer: null);

    [Fact]
    public void Queue_GivesTheMostUrgentFirst_AndOfEqualsTheOldest()
    {
        var queue = new RequestQueue(10);
        Generation[] added = [.. new[] { 0, -1, 5, 0, 7 }.Select(priority => Reply(1, priority))];
        Array.ForEach(added, generation => Assert.True(queue.TryAdd(generation)));

        var taken = new List<Generation>();
        while (queue.Peek() is { } next)
        {
            queue.Remove(next);
            taken.Add(next);
        }

        Assert.Equal([added[4], added[2], added[0], added[3], added[1]], taken);
    }

    [Fact]
    public void FullQueue_RefusesOneMore_UnlessSomebodyLeft()
    {
        var queue = new RequestQueue(2);
        Generation[] waiting = [Reply(1), Reply(1)];
        Array.ForEach(waiting, generation => queue.TryAdd(generation));

        Assert.Throws<EngineBusyException>(() => queue.TryAdd(Reply(1)));
        waiting[0].Abandon();
        Assert.True(queue.TryAdd(Reply(1)));

        Assert.Equal(2, queue.Close().Count);
        Assert.False(queue.TryAdd(Reply(1)));
        Assert.False(queue.Wait());
    }

    [Fact]
    public void WhatAnotherThreadTookOut_IsNotTakenAgain()
    {
        var queue = new RequestQueue(1);
        queue.TryAdd(Reply(1));
        Generation seen = queue.Peek()!;

        Assert.Same(seen, Assert.Single(queue.Close()));

        Assert.False(queue.Remove(seen));
    }

    [Fact]
    public void Pool_GivesBlocksInARow_AndKeepsSharedOnes()
    {
        var pool = new CacheBlockPool(8);
        Assert.True(pool.TryAllocate(-1, out int first));
        Assert.True(pool.TryAllocate(first, out int second));
        Assert.True(pool.TryAllocate(-1, out int other));

        Assert.Equal((0, 1), (first, second));
        Assert.InRange(other, 3, 6); // away from the first row, so that both can grow
        pool.Share(first);
        Assert.True(pool.IsShared(first));
        pool.Release(first);
        Assert.Equal(5, pool.FreeCount);
        pool.Release(first);
        Assert.Equal(6, pool.FreeCount);
        for (int i = 0; i < 6; i++)
        {
            Assert.True(pool.TryAllocate(-1, out _));
        }

        Assert.False(pool.TryAllocate(-1, out _));
    }

    [Fact]
    public void Step_HasATokenOfEachReply_AndAShareOfThePrompt()
    {
        var pool = new CacheBlockPool(100);
        var scheduler = new Scheduler(pool, maxRows: 128, promptRows: 32, maxSequences: 8);
        Generation running = Admit(scheduler, Reply(3));
        Advance(scheduler.Next(), pool);
        Generation prompt = Admit(scheduler, Reply(200));

        ScheduledStep step = scheduler.Next();

        Assert.Equal([(running.Sequences[0], 1), (prompt.Sequences[0], 32)], step.Parts);
        StepPlan plan = step.ToPlan();
        Assert.Equal([0], plan.LogitRows);
        Assert.Equal((1, 32, 0), (plan.Segments[1].FirstRow, plan.Segments[1].RowCount, plan.Segments[1].FirstPosition));
    }

    // Random lives: nothing is lost, no block has two writers, all blocks come back.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomRequests_AllEnd_AndLeaveNoBlock(int seed)
    {
        var random = new Random(seed);
        var pool = new CacheBlockPool(12); // 192 tokens
        var scheduler = new Scheduler(pool, maxRows: 24, promptRows: 16, maxSequences: 6);
        var waiting = new Queue<Generation>();
        for (int i = 0; i < 40; i++)
        {
            waiting.Enqueue(Reply(random.Next(1, 100), maxNewTokens: random.Next(1, 80), replies: random.Next(1, 4)));
        }

        int steps = 0;
        while (waiting.Count > 0 || scheduler.Running.Count > 0)
        {
            Assert.InRange(++steps, 1, 20_000);
            while (waiting.TryPeek(out Generation? next) && scheduler.HasRoomFor(next))
            {
                scheduler.Admit(waiting.Dequeue());
            }

            if (random.Next(30) == 0)
            {
                scheduler.Running[random.Next(scheduler.Running.Count)].End(pool, null);
                scheduler.RemoveDone();
                continue;
            }

            ScheduledStep step = scheduler.Next();
            Assert.InRange(step.RowCount, 1, 24);
            AssertOneWriter(step);
            Advance(step, pool);
            scheduler.RemoveDone();
        }

        Assert.Equal(pool.Count, pool.FreeCount);
        Assert.True(scheduler.Preemptions > 0); // else the pool was too large to show anything
    }

    private static void AssertOneWriter(ScheduledStep step)
    {
        var written = new HashSet<int>();
        foreach (StepSegment segment in step.ToPlan().Segments)
        {
            for (int position = segment.FirstPosition; position < segment.Length; position++)
            {
                Assert.True(written.Add(segment.SlotOf(position)));
            }
        }
    }

    private static void Advance(ScheduledStep step, CacheBlockPool pool)
    {
        foreach ((Sequence sequence, int rows) in step.Parts)
        {
            sequence.Computed += rows;
            if (sequence.Pending == 0)
            {
                var asked = sequence.Generation.Ask(sequence, 0, pool).ToList();
                sequence.Generation.Take([.. asked.Select(ask => (ask.Sequence, new SampledToken(5, true, null, null)))], pool);
            }
        }
    }

    private static Generation Admit(Scheduler scheduler, Generation generation)
    {
        Assert.True(scheduler.HasRoomFor(generation));
        scheduler.Admit(generation);
        return generation;
    }

    private static SampledGeneration Reply(int promptTokens, int priority = 0, int maxNewTokens = 50, int replies = 1)
    {
        var request = new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(10, promptTokens)],
            MaxNewTokens = maxNewTokens,
            Priority = priority,
            Sampling = new() { ReplyCount = replies },
        };
        return new SampledGeneration(request, s_limits with { MaxNewTokens = maxNewTokens }, timeout: null, CancellationToken.None);
    }
}
