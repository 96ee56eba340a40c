using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

public class PickleCheckpointTests
{
    public static TheoryData<string, string, string> Strangers => new()
    {
        { "os", "system", "wants 'os.system', but only tensors are read. Nothing was executed" },
        { "builtins", "eval", "wants 'builtins.eval'" },
        { "torch", "load", "wants 'torch.load'" },
        { "torch._utils", "_rebuild_sparse_tensor", "wants 'torch._utils._rebuild_sparse_tensor'" },
        { "numpy.core.multiarray", "_reconstruct", "wants 'numpy.core.multiarray._reconstruct'" },
    };

    public static TheoryData<string, PickleWriter, string> Broken => new()
    {
        { "unknown opcode", Pickle("i"), "opcode 0x69" },
        { "pop of nothing", Pickle("R"), "takes a value where none is" },
        { "tuple without mark", Pickle("t"), "ends a list that it never began" },
        { "items of nothing", Pickle("(u"), "takes a value where none is" },
        { "items of a list", Pickle("](NNu"), "sets items of something that is no dictionary" },
        { "odd items", Pickle("}(Nu"), "sets items of something that is no dictionary" },
        { "number as key", Pickle("}(K\u0001Nu"), "keys are no strings" },
        { "append to a dictionary", Pickle("}Na"), "appends to something that is no list" },
        { "recall of nothing", Pickle("h\u0007"), "recalls value 7" },
        { "memo of a mark", Pickle("(q\u0001"), "takes a value where none is" },
        { "tuple over a mark", Pickle("N(N\u0087"), "takes a value where none is" },
        { "call of a text", new PickleWriter().Text("os.system").Op(")R."), "calls something that is no function" },
        { "wrong arguments", new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Op(")R."), "rebuilds an object (RebuildTensor)" },
        { "persistent id of a text", new PickleWriter().Text("storage").Op("Q."), "refers to something that is no storage" },
        { "state of a number", Pickle("K\u0001}b"), "sets the state" },
        { "huge number", new PickleWriter().Raw(0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9).Op("."), "a number of 9 bytes" },
        { "text beyond the end", new PickleWriter().Raw((byte)'X', 0xff, 0xff, 0xff, 0xff), "needs 4294967295 bytes where 0 are left" },
        { "text that is no UTF-8", new PickleWriter().Raw((byte)'X', 1, 0, 0, 0, 0xff).Op("."), "text that is no UTF-8" },
        { "global without end", new PickleWriter().Op("ctorch"), "names something without an end" },
        { "no end", new PickleWriter().Op("}"), "needs 1 bytes where 0 are left" },
        { "no dictionary", Pickle("]"), "holds no dictionary" },
        { "protocol 4", new PickleWriter { Protocol = 4 }.Op("}."), "has protocol 4; expected 2" },
        { "many dimensions", Tensor(4, 0, new long[9]), "has a tensor of 9 dimensions" },
        { "a text in a shape", new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage("0", 4).Whole(0).Text("4").Raw(0x85)
            .Longs(1).Raw(0x89).Op("}tR."), "has a shape or stride that is no whole number" },
        { "endless nesting", new PickleWriter().Op(new string('(', (1 << 20) + 1)), "stacks more than 1048576 values" },
    };

    public static TheoryData<string, PickleWriter, string> BadTensors => new()
    {
        { "negative offset", Tensor(4, -1, [4]), "offset -1, which leaves its storage of 4 elements" },
        { "offset beyond the end", Tensor(4, 1, [4]), "is a view with shape [4], strides [1] and offset 1, which leaves its storage" },
        { "stride beyond the end", Tensor(4, 0, [4], [2]), "strides [2] and offset 0" },
        { "negative stride", Tensor(4, 3, [4], [-1]), "strides [-1]" },
        { "overflowing stride", Tensor(4, 0, [3], [long.MaxValue]), "which leaves its storage" },
        { "overflowing shape", Tensor(4, 0, [1L << 40, 1L << 40], [0, 0]), "which leaves its storage" },
        { "negative shape", Tensor(4, 0, [-1]), "shape [-1]" },
        { "fewer strides than sizes", Tensor(4, 0, [2, 2], [2]), "strides [2]" },
        { "storage longer than its entry", Tensor(5, 0, [5]), "needs 20 bytes in 'data/0', which has 16" },
        { "endless storage", Tensor(long.MaxValue, 0, [4]), "needs 36893488147419103228 bytes" },
        { "no such storage", Named(new PickleWriter().Tensor("../x", 4, 0, [4])), "is stored in 'data/../x', which the file lacks" },
        { "whole numbers", Named(new PickleWriter().Tensor("0", 4, 0, [4], type: "LongStorage")), "is a LongStorage; expected FloatStorage" },
        { "no tensor", Named(new PickleWriter().Op("}")), "is no tensor; expected a plain state dict" },
    };

    [Theory]
    [MemberData(nameof(Strangers))]
    public void Open_ForeignGlobal_IsNamedAndNotExecuted(string module, string name, string expected) =>
        AssertRefused(WithPickle(new PickleWriter().Global(module, name).Op("(").Text("touch /tmp/owned").Op("tR.")), expected);

    [Theory]
    [MemberData(nameof(Broken))]
    public void Open_BrokenPickle_SaysWhy(string what, PickleWriter pickle, string expected)
    {
        Assert.NotEmpty(what);
        AssertRefused(WithPickle(pickle), expected);
    }

    [Theory]
    [MemberData(nameof(BadTensors))]
    public void Open_BadTensor_NamesIt(string what, PickleWriter pickle, string expected)
    {
        Assert.NotEmpty(what);
        AssertRefused(WithPickle(pickle), "tensor 'x' ");
        AssertRefused(WithPickle(pickle), expected);
    }

    [Fact]
    public void Open_NameTwice_IsRefused() => AssertRefused(WithPickle(Pickle("}(X\u0001\0\0\0aNX\u0001\0\0\0aNu")), "has 'a' twice");

    [Fact]
    public void Open_ParameterWithView_GivesItsStrides()
    {
        var pickle = new PickleWriter().Op("}(");
        List<TinyTensor> tensors = TinyModel.Tensors("");
        for (int i = 0; i < tensors.Count; i++)
        {
            bool isDown = tensors[i].Name.EndsWith("dense_4h_to_h.weight", StringComparison.Ordinal); // stored as [32, 8] and transposed
            pickle.Text(tensors[i].Name).Global("torch._utils", "_rebuild_parameter").Op("(")
                .Tensor($"{i}", tensors[i].Bytes.Length / 4, 0, tensors[i].Shape, isDown ? [1, 8] : null).Raw(0x88).Op("}tR");
        }

        using TemporaryFolder folder = TinyModel.WithPickle(writer => writer.SetPickle(AsGolden(writer, tensors, pickle.Op("u."))));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        CheckpointTensor down = checkpoint.Tensors["h.0.mlp.dense_4h_to_h.weight"];
        Assert.Equal([1, 8], down.Strides);
        Assert.False(down.IsContiguous);
        Assert.Equal(16, checkpoint.Tensors.Values.Count(tensor => tensor.IsContiguous));
    }

    [Fact]
    public void Open_OldFormat_SaysTheCure() =>
        AssertRefused(Finished(_ => [0x80, 2, 0x8a, 10, .. "l\u00fc"u8, 0]), "saved by torch before 1.6 (a bare pickle, no zip file). Load it");

    [Theory]
    [InlineData("archive/constants.pkl")]
    [InlineData("archive/code/__torch__.py")]
    public void Open_TorchScript_IsRefused(string entry) =>
        AssertRefused(TinyModel.WithPickle(writer => writer.Set(entry, [1])), "TorchScript archive");

    [Fact]
    public void Open_BigEndian_IsRefused() =>
        AssertRefused(TinyModel.WithPickle(writer => writer.Set("archive/byteorder", "big"u8.ToArray())), "does not say 'little'");

    [Fact]
    public void Open_NoByteOrder_IsTakenAsLittle()
    {
        using TemporaryFolder folder = TinyModel.WithPickle(writer => writer.Entries.RemoveAt(0));
        Checkpoint.Open(folder.Path).Dispose();
    }

    [Fact]
    public void Open_NoPickleOrTwo_IsRefused()
    {
        AssertRefused(TinyModel.WithPickle(writer => writer.Entries.RemoveAll(entry => entry.Name == "archive/data.pkl")), "0 entries FOLDER");
        AssertRefused(TinyModel.WithPickle(writer => writer.Set("other/data.pkl", [1])), "2 entries FOLDER/data.pkl; expected one");
    }

    [Fact]
    public void Open_LfsPointer_SaysWhatToDo() =>
        AssertRefused(Finished(_ => "version https://git-lfs.github.com/spec/v1\n"u8.ToArray()), "Git LFS pointer");

    private static PickleWriter AsGolden(TorchFileWriter writer, List<TinyTensor> tensors, PickleWriter pickle)
    {
        for (int i = 0; i < tensors.Count; i++)
        {
            writer.Set($"archive/data/{i}", tensors[i].Bytes);
        }

        return pickle;
    }

    private static PickleWriter Pickle(string opcodes) => new PickleWriter().Op(opcodes + ".");

    private static PickleWriter Named(PickleWriter value) => new PickleWriter().Op("}").Text("x").Raw(value.ToBytes().AsSpan(2)).Op("s.");

    private static PickleWriter Tensor(long count, long offset, long[] shape, long[]? strides = null) =>
        Named(new PickleWriter().Tensor("0", count, offset, shape, strides));

    // The file has one storage, data/0, of 4 floats.
    private static TemporaryFolder WithPickle(PickleWriter pickle) => TinyModel.WithPickle(writer =>
    {
        writer.Set("archive/data/0", new byte[16]);
        writer.SetPickle(pickle);
    });

    private static TemporaryFolder Finished(Func<byte[], byte[]> finish) => TinyModel.WithPickle(writer => writer.Finish = finish);

    private static void AssertRefused(TemporaryFolder folder, string expected)
    {
        string message = TinyModel.Refusal(folder);
        Assert.Contains("pytorch_model.bin: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }
}
