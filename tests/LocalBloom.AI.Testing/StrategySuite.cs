namespace LocalBloom.AI.Testing;

/// <summary>A row of the strategy table: how the suites below set the options.</summary>
public interface IStrategy
{
    /// <summary>Sets strategy, devices and number type; the model is set already.</summary>
    static abstract void Configure(BloomChatClientOptions options);
}

/// <summary>Two strategies that are compared.</summary>
public sealed class TwoStrategies<TFirst, TSecond> : IDisposable
    where TFirst : IStrategy
    where TSecond : IStrategy
{
    public StrategyFixture<TFirst> First { get; } = new();

    public StrategyFixture<TSecond> Second { get; } = new();

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }
}

/// <summary>Engines and models of one strategy, each loaded once and kept until the class's tests are done.</summary>
public sealed class StrategyFixture<TStrategy> : IDisposable
    where TStrategy : IStrategy
{
    private readonly Dictionary<string, BloomEngine> _engines = [];
    private readonly Dictionary<string, TestModel> _models = [];

    public static BloomChatClientOptions Options(string model)
    {
        var options = new BloomChatClientOptions { Model = model, MaxContextTokens = 512 };
        TStrategy.Configure(options);
        return options;
    }

    public BloomEngine Engine(string model)
    {
        lock (_engines)
        {
            return _engines.TryGetValue(model, out BloomEngine? engine) ? engine : _engines[model] = new BloomEngine(Options(model));
        }
    }

    internal TestModel Model(string model)
    {
        lock (_models)
        {
            return _models.TryGetValue(model, out TestModel? loaded) ? loaded : _models[model] = new TestModel(Options(model));
        }
    }

    public void Dispose()
    {
        foreach (BloomEngine engine in _engines.Values)
        {
            engine.Dispose();
        }

        foreach (TestModel model in _models.Values)
        {
            model.Dispose();
        }
    }
}
