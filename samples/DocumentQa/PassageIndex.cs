using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace LocalBloom.AI.Samples;

/// <summary>Passages by their embeddings. Built once; searching is safe for concurrent use.</summary>
internal sealed class PassageIndex
{
    private const int TextsPerCall = 64;

    private readonly IEmbeddingGenerator<string, Embedding<float>> _generator;
    private readonly VectorStoreCollection<int, DocumentPassage> _collection;

    private readonly List<string> _skipped = [];

    private PassageIndex(IEmbeddingGenerator<string, Embedding<float>> generator, VectorStoreCollection<int, DocumentPassage> collection) =>
        (_generator, _collection) = (generator, collection);

    /// <summary>Gets for each passage that could not be embedded where it stands and why.</summary>
    public IReadOnlyList<string> Skipped => _skipped;

    /// <summary>Embeds passages and puts them into a collection. One that the model has no room for is skipped.</summary>
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
        var index = new PassageIndex(generator, collection);
        int done = 0;
        foreach (DocumentPassage[] some in passages.Chunk(TextsPerCall))
        {
            await index.AddAsync(some, cancellationToken);
            progress?.Report(done += some.Length);
        }

        return index;
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

    private async Task AddAsync(DocumentPassage[] passages, CancellationToken cancellationToken)
    {
        try
        {
            var embeddings = await _generator.GenerateAsync(passages.Select(passage => passage.Text), cancellationToken: cancellationToken);
            await _collection.UpsertAsync(passages.Select((passage, i) => passage with { Vector = embeddings[i].Vector }), cancellationToken);
        }
        catch (ContextOverflowException e) when (passages is [{ } only])
        {
            _skipped.Add($"{only.Source}: has {e.PromptTokens} tokens, and the model reads at most {e.MaxContextTokens}");
        }
        catch (ContextOverflowException)
        {
            foreach (DocumentPassage passage in passages) // the others of the call go on
            {
                await AddAsync([passage], cancellationToken);
            }
        }
    }
}
