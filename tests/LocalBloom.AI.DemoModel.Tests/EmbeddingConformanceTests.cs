using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.DemoModel.Tests;

/// <summary>What Microsoft's conformance suite asks of an embedding generator.</summary>
public sealed class EmbeddingConformanceTests : IDisposable
{
    private const string Dog = "The dog plays with a ball in the garden.";
    private const string Cat = "The cat plays with a ball in the garden.";
    private const string Fee = "The meeting on 14 May costs 12 euros.";
    private const string Price = "The meeting on 3 June costs 20 euros.";

    private readonly ServiceProvider _services;
    private readonly IEmbeddingGenerator<string, Embedding<float>> _generator;

    public EmbeddingConformanceTests()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient(options =>
        {
            options.Devices = ["cpu"];
            options.NumberType = BloomNumberType.Float32;
        });
        services.AddBloomEmbeddingGenerator();
        _services = services.BuildServiceProvider();
        _generator = _services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task One_HasTheModelsSize()
    {
        Embedding<float> embedding = await _generator.GenerateAsync(Dog, cancellationToken: Cancellation);

        Assert.Equal(_services.GetRequiredService<BloomEngine>().HiddenSize, embedding.Vector.Length);
        Assert.True(TensorPrimitives.Norm(embedding.Vector.Span) > 0);
    }

    [Fact]
    public async Task Batch_IsCounted_AndEachIsWhatItIsAlone()
    {
        string[] texts = [Dog, Cat, Fee];

        GeneratedEmbeddings<Embedding<float>> embeddings = await _generator.GenerateAsync(texts, cancellationToken: Cancellation);

        Assert.Equal(3, embeddings.Count);
        var metadata = (EmbeddingGeneratorMetadata)_generator.GetService(typeof(EmbeddingGeneratorMetadata))!;
        Assert.All(embeddings, embedding => Assert.Equal(metadata.DefaultModelId, embedding.ModelId));
        Assert.Equal(texts.Sum(_services.GetRequiredService<BloomEngine>().CountTokens), embeddings.Usage!.InputTokenCount);
        Assert.Equal(embeddings.Usage.InputTokenCount, embeddings.Usage.TotalTokenCount);
        Assert.Same(_services.GetRequiredService<BloomEngine>(), _generator.GetService(typeof(BloomEngine)));
        for (int i = 0; i < texts.Length; i++)
        {
            Embedding<float> alone = await _generator.GenerateAsync(texts[i], cancellationToken: Cancellation);
            Assert.True(TensorPrimitives.CosineSimilarity(alone.Vector.Span, embeddings[i].Vector.Span) > 1 - 1e-5);
        }
    }

    [Fact]
    public async Task LikeTexts_AreNearer_InFloat_HalfAndBits()
    {
        GeneratedEmbeddings<Embedding<float>> embeddings = await _generator.GenerateAsync([Dog, Cat, Fee, Price], cancellationToken: Cancellation);
        float[] mean = [.. Enumerable.Range(0, embeddings[0].Vector.Length).Select(i => embeddings.Average(embedding => embedding.Vector.Span[i]))];
        float[][] vectors = [.. embeddings.Select(embedding => embedding.Vector.ToArray().Zip(mean, (x, m) => x - m).ToArray())];
        Half[][] halves = [.. vectors.Select(vector => vector.Select(x => (Half)x).ToArray())];

        AssertLikeIsNearer((a, b) => TensorPrimitives.CosineSimilarity(embeddings[a].Vector.Span, embeddings[b].Vector.Span));
        AssertLikeIsNearer((a, b) => (double)TensorPrimitives.CosineSimilarity<Half>(halves[a], halves[b]));
        AssertLikeIsNearer((a, b) => vectors[a].Zip(vectors[b]).Count(pair => (pair.First > 0) == (pair.Second > 0)));

        static void AssertLikeIsNearer(Func<int, int, double> likeness)
        {
            double like = Math.Min(likeness(0, 1), likeness(2, 3));
            double unlike = new[] { likeness(0, 2), likeness(0, 3), likeness(1, 2), likeness(1, 3) }.Max();
            Assert.True(like > unlike, string.Create(CultureInfo.InvariantCulture, $"{like} is not above {unlike}"));
        }
    }

    [Fact]
    public async Task Cache_ComputesOnlyWhatIsNew()
    {
        int computed = 0;
        using IEmbeddingGenerator<string, Embedding<float>> cached = new EmbeddingGeneratorBuilder<string, Embedding<float>>(new Shared(_generator))
            .UseDistributedCache(new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions())))
            .Use((values, options, inner, cancellationToken) =>
            {
                computed += values.Count();
                return inner.GenerateAsync(values, options, cancellationToken);
            })
            .Build();

        GeneratedEmbeddings<Embedding<float>> first = await cached.GenerateAsync([Dog, Fee], cancellationToken: Cancellation);
        GeneratedEmbeddings<Embedding<float>> second = await cached.GenerateAsync([Fee, Cat, Dog], cancellationToken: Cancellation);

        Assert.Equal(3, computed);
        Assert.Equal(first[0].Vector.ToArray(), second[2].Vector.ToArray());
        Assert.Equal(first[1].Vector.ToArray(), second[0].Vector.ToArray());
    }

    [Fact]
    public async Task OpenTelemetry_SeesTokensAndAddress()
    {
        string source = Guid.NewGuid().ToString();
        var activities = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = candidate => candidate.Name == source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        using IEmbeddingGenerator<string, Embedding<float>> traced = new EmbeddingGeneratorBuilder<string, Embedding<float>>(new Shared(_generator))
            .UseOpenTelemetry(sourceName: source)
            .Build();

        await traced.GenerateAsync(Dog, cancellationToken: Cancellation);

        Activity activity = Assert.Single(activities);
        Assert.StartsWith("embed", activity.DisplayName, StringComparison.Ordinal);
        Assert.Contains('.', (string)activity.GetTagItem("server.address")!);
        Assert.Equal(BloomEmbeddingGeneratorUri(_generator).Port, activity.GetTagItem("server.port"));
        Assert.True(Convert.ToInt32(activity.GetTagItem("gen_ai.usage.input_tokens"), CultureInfo.InvariantCulture) > 1);
    }

    [Fact]
    public async Task WhatCannotBe_IsRefusedByName()
    {
        Assert.Contains("Text 1 of 2", (await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(["a", ""], cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("Dimensions", (await Assert.ThrowsAsync<NotSupportedException>(() => _generator.GenerateAsync(["a"], new() { Dimensions = 7 }, Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("ModelId", (await Assert.ThrowsAsync<NotSupportedException>(() => _generator.GenerateAsync(["a"], new() { ModelId = "x" }, Cancellation))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ContextOverflowException>(() => _generator.GenerateAsync([string.Concat(Enumerable.Repeat("word ", 5_000))], cancellationToken: Cancellation));
        Assert.Empty(await _generator.GenerateAsync([], cancellationToken: Cancellation));
        Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddBloomEmbeddingGenerator());
    }

    private static Uri BloomEmbeddingGeneratorUri(IEmbeddingGenerator generator) => ((EmbeddingGeneratorMetadata)generator.GetService(typeof(EmbeddingGeneratorMetadata))!).ProviderUri!;

    // A pipeline disposes its generator; this one stays.
    private sealed class Shared(IEmbeddingGenerator<string, Embedding<float>> inner) : DelegatingEmbeddingGenerator<string, Embedding<float>>(inner)
    {
        protected override void Dispose(bool disposing) => base.Dispose(false);
    }
}
