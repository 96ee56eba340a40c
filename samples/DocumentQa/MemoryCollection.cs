using System.Linq.Expressions;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace LocalBloom.AI.Samples;

/// <summary>A collection of a vector store that lies in memory and looks at every vector. Its scores are cosines, highest first.</summary>
/// <remarks>Safe for concurrent use. A collection of a database may take its place, once the record says which of its properties that stores and how.</remarks>
/// <param name="name">The collection's name.</param>
/// <param name="keyOf">Gets a record's key.</param>
/// <param name="vectorOf">Gets a record's vector.</param>
internal sealed class MemoryCollection<TKey, TRecord>(string name, Func<TRecord, TKey> keyOf, Func<TRecord, ReadOnlyMemory<float>> vectorOf)
    : VectorStoreCollection<TKey, TRecord>
    where TKey : notnull
    where TRecord : class
{
    private readonly Lock _gate = new();
    private Dictionary<TKey, TRecord>? _records;

    public override string Name => name;

    public override Task<bool> CollectionExistsAsync(CancellationToken cancellationToken = default) => Locked(() => _records is not null);

    public override Task EnsureCollectionExistsAsync(CancellationToken cancellationToken = default) => Locked(() => _records ??= []);

    public override Task EnsureCollectionDeletedAsync(CancellationToken cancellationToken = default) => Locked(() => _records = null);

    public override Task<TRecord?> GetAsync(TKey key, RecordRetrievalOptions? options = null, CancellationToken cancellationToken = default) =>
        Locked(() => Existing.GetValueOrDefault(key));

    public override async IAsyncEnumerable<TRecord> GetAsync(
        Expression<Func<TRecord, bool>> filter,
        int top,
        FilteredRecordRetrievalOptions<TRecord>? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        IEnumerable<TRecord> found = (await Snapshot()).Where(filter.Compile());
        foreach (FilteredRecordRetrievalOptions<TRecord>.OrderByDefinition.SortInfo sort in (options?.OrderBy?.Invoke(new())?.Values ?? []).Reverse())
        {
            Func<TRecord, object?> selector = sort.PropertySelector.Compile();
            found = sort.Ascending ? found.OrderBy(selector) : found.OrderByDescending(selector); // stable: the first definition, applied last, decides
        }

        foreach (TRecord record in found.Skip(options?.Skip ?? 0).Take(top))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
    }

    public override Task DeleteAsync(TKey key, CancellationToken cancellationToken = default) => Locked(() => Existing.Remove(key));

    public override Task UpsertAsync(TRecord record, CancellationToken cancellationToken = default) => UpsertAsync([record], cancellationToken);

    public override Task UpsertAsync(IEnumerable<TRecord> records, CancellationToken cancellationToken = default) => Locked(() =>
    {
        foreach (TRecord record in records)
        {
            Existing[keyOf(record)] = record;
        }

        return true;
    });

    public override async IAsyncEnumerable<VectorSearchResult<TRecord>> SearchAsync<TInput>(
        TInput searchValue,
        int top,
        VectorSearchOptions<TRecord>? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ReadOnlyMemory<float> wanted = searchValue switch
        {
            ReadOnlyMemory<float> vector => vector,
            float[] vector => vector,
            Embedding<float> embedding => embedding.Vector,
            _ => throw new NotSupportedException($"{Name} is searched by vectors of float32, not by {typeof(TInput).Name}: embed it first."),
        };
        Func<TRecord, bool> filter = options?.Filter?.Compile() ?? (_ => true);
        IEnumerable<VectorSearchResult<TRecord>> ranked = (await Snapshot()).Where(filter)
            .Select(record => new VectorSearchResult<TRecord>(record, Cosine(wanted.Span, vectorOf(record).Span)))
            .Where(result => options?.ScoreThreshold is not { } least || result.Score >= least)
            .OrderByDescending(result => result.Score);
        foreach (VectorSearchResult<TRecord> result in ranked.Skip(options?.Skip ?? 0).Take(top))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return result;
        }
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null :
        serviceType == typeof(VectorStoreCollectionMetadata) ? new VectorStoreCollectionMetadata { VectorStoreSystemName = "memory", CollectionName = Name } :
        serviceType.IsInstanceOfType(this) ? this :
        null;

    private Dictionary<TKey, TRecord> Existing => _records ?? throw new VectorStoreException($"The collection {Name} does not exist: call EnsureCollectionExistsAsync first.");

    private Task<TRecord[]> Snapshot() => Locked(() => Existing.Values.ToArray());

    // A vector of zeros has no direction; it is like nothing.
    private static double Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        TensorPrimitives.CosineSimilarity(a, b) is var cosine && float.IsFinite(cosine) ? cosine : 0;

    private Task<T> Locked<T>(Func<T> work)
    {
        lock (_gate)
        {
            return Task.FromResult(work());
        }
    }
}
