using LocalBloom.AI.Ops;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Ops;

public class Int8BuffersTests
{
    [Fact]
    public void ATensorOfEachType_IsThereAtATime()
    {
        using var buffers = new Int8Buffers();
        using (NewDisposeScope()) // a step's: buffers outlive it
        {
            foreach ((long rows, long width) in new[] { (34L, 64L), (34, 256), (2, 16), (340, 64), (340, 4096) })
            {
                Tensor halves = buffers.Get(ScalarType.Int8, rows, width, CPU);
                Tensor units = buffers.Get(ScalarType.Float32, rows, 1, CPU);
                Tensor products = buffers.Get(ScalarType.Int32, rows, 3 * width, CPU);
                halves.fill_(1);
                units.fill_(2);
                products.fill_(3);

                Assert.Equal([rows, width], halves.shape);
                Assert.Equal([rows, 1], units.shape);
                Assert.Equal([rows, 3 * width], products.shape);
                Assert.All([halves, units, products], tensor => Assert.True(tensor.is_contiguous()));
                Assert.Equal((rows * width, 2 * rows, 9 * rows * width), (halves.sum().item<long>(), (long)units.sum().item<float>(), products.sum().item<long>()));
            }
        }

        Assert.Equal(4096, buffers.Get(ScalarType.Int8, 340, 4096, CPU).shape[1]);
    }

    [Fact]
    public void TheSameAgain_IsTheSameTensor()
    {
        using var buffers = new Int8Buffers();

        Tensor first = buffers.Get(ScalarType.Int8, 4, 8, CPU);
        _ = buffers.Get(ScalarType.Int32, 4, 4096, CPU);

        Assert.Same(first, buffers.Get(ScalarType.Int8, 4, 8, CPU));
    }
}
