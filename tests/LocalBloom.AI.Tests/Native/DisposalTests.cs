using LocalBloom.AI.Native;

namespace LocalBloom.AI.Tests.Native;

public class DisposalTests
{
    [Fact]
    public void OneThatFails_KeepsNoOtherFromGivingBack_AndTheFirstErrorComesAtTheEnd()
    {
        var done = new List<int>();

        var error = Assert.Throws<LocalBloomException>(() => Disposal.AllOrThrow(Steps(
            () => done.Add(1),
            () => throw new LocalBloomException("first"),
            () => done.Add(2),
            () => throw new LocalBloomException("second"),
            () => done.Add(3))));

        Assert.Equal("first", error.Message);
        Assert.Equal([1, 2, 3], done);
    }

    [Fact]
    public void WhatComesAfterOneThatIsStillInUse_Stays()
    {
        var done = new List<int>();

        Exception? error = Disposal.All(Steps(
            () => throw new LocalBloomException("first"),
            () => done.Add(1),
            () => throw new StillInUseException("a rank computes in it"),
            () => done.Add(2)));

        Assert.IsType<StillInUseException>(error);
        Assert.Equal([1], done);
    }

    private static Action[] Steps(params Action[] steps) => steps;
}
