using System.Diagnostics;
using System.Globalization;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Latency;

/// <summary>Times products alone, with int8 weights and with those of float16, beside cuBLAS and copies on the device.</summary>
internal static class KernelProtocol
{
    private const long Rotated = 400_000_000; // bytes of copies of a matrix, in turn: no cache holds them
    private const long Copied = 4L << 30;
    private const long Series = 4_000_000_000; // bytes of weights that a series of products reads, so that its beginning and end do not count
    private const int Warmup = 3;
    private const int Runs = 10;

    private static readonly int[] s_rows = [1, 8, 16, 32, 64, 170, 256, 512];

    /// <summary>Measures on the first GPU and prints a table.</summary>
    /// <param name="shape">A shape's name.</param>
    /// <param name="cancellationToken">Ends it between two matrices.</param>
    public static void Run(string shape, CancellationToken cancellationToken)
    {
        var torch = TorchNative.Load(null);
        if (!cuda.is_available() || CudaDriver.TryOpen() is not { DeviceCount: > 0 } driver || KernelCompiler.TryOpen(driver, torch.Folder) is not { } compiler)
        {
            throw new PlacementException("--kernels needs an NVIDIA GPU, and libnvrtc beside torch.");
        }

        using var inference = inference_mode();
        using var few8 = new FewRowsKernel(torch, compiler, 0, ScalarType.Float16, weightBits: 8);
        using var few16 = new FewRowsKernel(torch, compiler, 0, ScalarType.Float16, weightBits: 16);
        using Int8PromptKernel? prompts = Int8PromptKernel.Supports(driver, 0) ? new Int8PromptKernel(torch, compiler, 0, ScalarType.Float16) : null;
        using HalvesKernel? halves = prompts is null ? new HalvesKernel(torch, compiler, 0, ScalarType.Float16) : null;
        var cublas = new DenseLinear(torch);
        ILinearKernel int8 = new FewRowsLinear(few8, new CudaInt8Linear(prompts is null ? new HalvesLinear(torch, halves!) : new Int8PromptLinear(prompts)));
        ILinearKernel float16 = new FewRowsLinear(few16, cublas);
        using DisposeScope all = NewDisposeScope();
        var lead = new Lead();
        double copy = lead.CopyRate;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{driver.Name(0)}, {DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm} UTC; a copy on the device moves {copy / 1e9:0} GB/s, read and written"));
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("matrix", "rows", "int8, µs", "of the copy", "of as short a copy", "float16, µs", "of the copy", "int8 / float16", "cuBLAS, float16, µs");
        foreach ((string name, long outputs, long inputs) in Matrices(BloomConfig.ForShape(shape)))
        {
            using DisposeScope scope = NewDisposeScope();
            LinearWeights[] eight = Copies(outputs, inputs, 1, (weight, bias) => Quantized(weight, bias));
            LinearWeights[] sixteen = Copies(outputs, inputs, 2, (weight, bias) => new LinearWeights(weight, weight.t(), null, bias));
            double shortCopy = ShortCopy(eight, lead);
            foreach (int rows in s_rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Compare(int8, new DequantizedLinear(), eight[0], rows);
                Compare(float16, cublas, sixteen[0], rows);
                double time = Time(int8, eight, rows, lead), wide = Time(float16, sixteen, rows, lead), others = Time(cublas, sixteen, rows, lead);
                double ideal = outputs * inputs / copy;
                table.AddRow(
                    $"{name} {outputs}×{inputs}", Text(rows), Text(time * 1e6, "0.0"), Share(ideal / time), Share(shortCopy / time), Text(wide * 1e6, "0.0"),
                    Share(2 * ideal / wide), Text(time / wide, "0.00"), Text(others * 1e6, "0.0"));
            }
        }

        ReportPrinter.WidenWhereRedirected();
        AnsiConsole.Write(table);
    }

    private static IEnumerable<(string Name, long Outputs, long Inputs)> Matrices(BloomConfig config) =>
        BloomTensors.Layer(config, 0).Concat(BloomTensors.Ends(config)).Where(tensor => tensor.Shape.Length == 2)
            .Select(tensor => (tensor.Name.Split('.')[^2], tensor.Shape[0], tensor.Shape[1]));

    private static LinearWeights[] Copies(long outputs, long inputs, int bytes, Func<Tensor, Tensor, LinearWeights> make)
    {
        int count = (int)Math.Max(2, Rotated / (outputs * inputs * bytes));
        Tensor weight = (randn([outputs, inputs], ScalarType.Float16, CUDA) * 0.02).to_type(ScalarType.Float16);
        Tensor bias = randn([outputs], ScalarType.Float16, CUDA);
        return [.. Enumerable.Range(0, count).Select(_ => make(weight.clone(), bias))];
    }

    private static LinearWeights Quantized(Tensor weight, Tensor bias)
    {
        Tensor data = empty(weight.shape, ScalarType.Int8, CUDA);
        Tensor scales = empty([weight.shape[0]], ScalarType.Float16, CUDA);
        Int8Quantizer.Quantize(weight, data, scales);
        weight.Dispose();
        return new LinearWeights(data, data.t(), scales, bias);
    }

    // A time is worth nothing where the product is wrong. The other one rounds to 16 bits, int8 weights too: hundreds of its errors are allowed, not more.
    private static void Compare(ILinearKernel kernel, ILinearKernel other, LinearWeights linear, int rows)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([rows, linear.Weight.size(1)], ScalarType.Float16, CUDA);
        Tensor result = empty([rows, linear.Weight.size(0)], ScalarType.Float16, CUDA);
        Tensor wanted = empty_like(result);
        kernel.Multiply(x, linear, result);
        other.Multiply(x, linear, wanted);
        float off = (result - wanted).abs().max().to_type(ScalarType.Float32).item<float>();
        if (!(off <= 0.01f * wanted.abs().max().to_type(ScalarType.Float32).item<float>()))
        {
            throw new LocalBloomException($"The product of {rows} rows with {linear.Weight.size(0)} × {linear.Weight.size(1)} weights is off by {off}: its time means nothing. This is an error of the kernel.");
        }
    }

    // Seconds of a product on the device, one after the other as in a step.
    private static double Time(ILinearKernel kernel, LinearWeights[] copies, int rows, Lead lead)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([rows, copies[0].Weight.size(1)], ScalarType.Float16, CUDA);
        Tensor result = empty([rows, copies[0].Weight.size(0)], ScalarType.Float16, CUDA);
        int turns = Turns(copies);
        return lead.Time(turns * copies.Length, () =>
        {
            for (int turn = 0; turn < turns; turn++)
            {
                foreach (LinearWeights linear in copies)
                {
                    kernel.Multiply(x, linear, result);
                }
            }
        });
    }

    // Seconds of a copy that reads and writes as many bytes as one matrix has, in the same way: it makes other weights of them, with which times are the same.
    private static double ShortCopy(LinearWeights[] copies, Lead lead)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor From, Tensor To)[] halves = [.. copies.Select(linear => linear.Weight.view(2, -1)).Select(weight => (weight[0], weight[1]))];
        int turns = Turns(copies);
        return lead.Time(turns * copies.Length, () =>
        {
            for (int turn = 0; turn < turns; turn++)
            {
                foreach ((Tensor from, Tensor to) in halves)
                {
                    to.copy_(from);
                }
            }
        });
    }

    private static int Turns(LinearWeights[] copies) => (int)Math.Max(1, Series / (copies.Length * copies[0].Weight.numel() * copies[0].Weight.element_size()));

    // Copies that keep the device busy while the host launches what is timed: so its own time counts, not the host's.
    private sealed class Lead
    {
        private const int Copies = 4;

        private readonly Tensor _from = empty([Copied], ScalarType.Int8, CUDA);
        private readonly Tensor _to = empty([Copied], ScalarType.Int8, CUDA);
        private readonly double _seconds;

        public Lead() => _seconds = Best(static () => { });

        // Bytes a second of a copy, read and written.
        public double CopyRate => Copies * 2 * Copied / _seconds;

        public double Time(int count, Action launch) => (Best(launch) - _seconds) / count;

        private double Best(Action launch)
        {
            double best = double.MaxValue;
            for (int run = 0; run < Warmup + Runs; run++)
            {
                cuda.synchronize();
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < Copies; i++)
                {
                    _to.copy_(_from);
                }

                launch();
                cuda.synchronize();
                best = run < Warmup ? best : Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return best;
        }
    }

    private static string Share(double value) => Text(100 * value) + " %";

    private static string Text(double value, string format = "0") => value.ToString(format, CultureInfo.InvariantCulture);
}
