using LocalBloom.AI.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Model;

public class StepContextTests
{
    [Fact]
    public void RowsAndBlocks_TellTheKernelWhereEachRowStands()
    {
        using DisposeScope scope = NewDisposeScope();
        StepSegment[] segments = [new(0, RowCount: 1, FirstPosition: 40, [7, 3, 9, 8]), new(1, RowCount: 3, FirstPosition: 15, [5, 2])];
        using var step = new StepContext(segments, new Workspace(zeros(1), zeros(1), zeros(1), zeros(1), zeros(1)), ones(2, 1, 1));

        Assert.Equal([4L, 2L], step.Rows.shape);
        Assert.Equal([40, 0, 15, 3, 16, 3, 17, 3], step.Rows.data<int>().ToArray());
        Assert.Equal([7, 3, 9, 5, 2], step.Blocks.data<int>().ToArray()); // 41 tokens have 3 blocks; the fourth is for later ones
        Assert.All([step.Rows, step.Blocks], part => Assert.True(part.is_contiguous()));
    }
}
