using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace LocalBloom.AI.Samples;

/// <summary>Passages by their embeddings. Built once; searching is safe for concurrent use.</summary>
internal sealed class PassageIndex
{
    private const int TextsPerCall = 64;

    private readonly IEmbeddingGenerator<string, Embedding<float>> _generator;
    private readonly VectorStoreCollection<int, DocumentPassage> _collection;

    private PassageIndex(IEmbeddingGenerator<string, Embedding<float>> generator, VectorStoreCollection<int, DocumentPassage> collection) =>
        (_generator, _collection) = (generator, collection);

    /// <summary>Embeds passages and puts them into a collection.</summary>
    /// <param name="generator">Embeds passages, and later the questions.</param>
    /// <param name="collection">Where the passages go; created if need be.</param>
    /// <param name="passages">The passages, still without vectors.</param>
    /// <param name="progress">Told how many are embedded.</param>
    /// <param name="cancellationToken">Ends it; a part of the passages may be in the collection then.</param>
    public static async Task<PassageIndex> BuildAsync(
        IEmbeddingGenerator<string, Embedding<float>> generator,
        VectorStoreCollection<int, DocumentPassage> collection,
        IReadOnlyList<DocumentPassage> passages,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        await collection.EnsureCollectionExistsAsync(cancellationToken);
        int done = 0;
        foreach (DocumentPassage[] some in passages.Chunk(TextsPerCall))
        {
            var embeddings = await generator.GenerateAsync(some.Select(passage => passage.Text), cancellationToken: cancellationToken);
            await collection.UpsertAsync(some.Select((passage, i) => passage with { Vector = embeddings[i].Vector }), cancellationToken);
            progress?.Report(done += some.Length);
        }

        return new(generator, collection);
    }

    /// <summary>Finds the passages nearest to a question, the nearest first.</summary>
    public async Task<IReadOnlyList<DocumentPassage>> FindAsync(string question, int count, CancellationToken cancellationToken = default)
    {
        Embedding<float> embedding = await _generator.GenerateAsync(question, cancellationToken: cancellationToken);
        var found = new List<DocumentPassage>(count);
        await foreach (VectorSearchResult<DocumentPassage> result in _collection.SearchAsync(embedding.Vector, count, cancellationToken: cancellationToken))
        {
            found.Add(result.Record);
        }

        return found;
    }
}
