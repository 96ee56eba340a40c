namespace LocalBloom.AI.Native;

/// <summary>Machine code loaded on one device. Belongs to the engine thread.</summary>
internal sealed unsafe class CudaModule : IDisposable
{
    private readonly CudaDriver _driver;
    private readonly int _device;
    private readonly bool _mayOverlap;
    private readonly Dictionary<string, nint> _functions = [];
    private nint _module;

    /// <summary>Initializes a new instance of the <see cref="CudaModule"/> class, loading the code.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="cubin">What <see cref="Nvrtc.Compile(string, string, IReadOnlyList{string})"/> gave for this device's architecture.</param>
    /// <param name="mayOverlap">Whether its kernels may begin before those in front of them end.</param>
    public CudaModule(CudaDriver driver, int device, byte[] cubin, bool mayOverlap)
    {
        _mayOverlap = mayOverlap;
        _driver = driver;
        _device = device;
        _module = driver.LoadModule(device, cubin);
    }

    /// <summary>Launches a kernel on torch's stream (the legacy default stream).</summary>
    /// <param name="name">The kernel.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="arguments">Each argument in 8 bytes, narrower ones in the low bytes.</param>
    public void Launch(string name, (int X, int Y) grid, (int X, int Y) block, params ReadOnlySpan<long> arguments) =>
        Launch(name, new LaunchShape(grid, block), arguments);

    /// <inheritdoc cref="Launch(string, ValueTuple{int, int}, ValueTuple{int, int}, ReadOnlySpan{long})"/>
    /// <param name="name">The kernel.</param>
    /// <param name="shape">How it is spread.</param>
    /// <param name="arguments">Each argument in 8 bytes, narrower ones in the low bytes.</param>
    public void Launch(string name, in LaunchShape shape, params ReadOnlySpan<long> arguments)
    {
        if (!_functions.TryGetValue(name, out nint function))
        {
            function = _driver.GetFunction(_module, name);
            if (shape.SharedBytes > 0)
            {
                _driver.AllowShared(_device, function, shape.SharedBytes); // a kernel always asks for as much
            }

            _functions[name] = function;
        }

        void** pointers = stackalloc void*[arguments.Length];
        fixed (long* values = arguments)
        {
            for (int i = 0; i < arguments.Length; i++)
            {
                pointers[i] = values + i;
            }

            _driver.Launch(_device, function, shape, _mayOverlap, pointers);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint module = Interlocked.Exchange(ref _module, 0);
        if (module != 0)
        {
            _driver.UnloadModule(_device, module);
        }
    }
}
