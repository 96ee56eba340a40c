using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace LocalBloom.AI.Tests.Samples;

public sealed class MemoryCollectionTests : IDisposable
{
    private readonly MemoryCollection<int, DocumentPassage> _collection = new("passages", passage => passage.Id, passage => passage.Vector);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Search_RanksByCosine_AndHonoursEveryOption()
    {
        await FillAsync((0, [0, 1]), (1, [10, 0]), (2, [1, 1]), (3, [-1, 0]), (4, [0, 0]));

        Assert.Equal("1 2", await SearchAsync(top: 2));
        Assert.Equal("2 0 4", await SearchAsync(top: 3, new() { Skip = 1 })); // the last has no direction
        Assert.Equal("1 2", await SearchAsync(top: 9, new() { ScoreThreshold = 0.5 }));
        Assert.Equal("0 3", await SearchAsync(top: 9, new() { Filter = passage => passage.Id % 3 == 0 }));
        VectorSearchResult<DocumentPassage> best = await _collection
            .SearchAsync(new Embedding<float>(new float[] { 2, 0 }), 1, cancellationToken: Cancellation).FirstAsync(Cancellation);
        Assert.Equal((1, 1.0), (best.Record.Id, best.Score!.Value));
    }

    [Fact]
    public async Task Records_AreReplacedFoundAndDeleted()
    {
        await FillAsync((0, [1, 0]), (1, [1, 0]), (2, [1, 0]));
        await _collection.UpsertAsync(Passage(1, [0, 1]) with { File = "new" }, Cancellation);
        await _collection.DeleteAsync(0, Cancellation);

        Assert.Null(await _collection.GetAsync(0, cancellationToken: Cancellation));
        Assert.Equal("new", (await _collection.GetAsync(1, cancellationToken: Cancellation))!.File);
        Assert.Equal("1 2", await JoinAsync(_collection.GetAsync([0, 1, 2], cancellationToken: Cancellation)));

        FilteredRecordRetrievalOptions<DocumentPassage> options = new() { OrderBy = order => order.Ascending(passage => passage.File).Descending(passage => passage.Id) };
        await _collection.UpsertAsync(Passage(5, [0, 1]), Cancellation);
        Assert.Equal("5 2 1", await JoinAsync(_collection.GetAsync(passage => true, 9, options, Cancellation)));
    }

    [Fact]
    public async Task WithoutTheCollection_AndWithAnotherInput_TheErrorSaysWhatToDo()
    {
        var missing = await Assert.ThrowsAsync<VectorStoreException>(() => _collection.UpsertAsync(Passage(1, [1]), Cancellation));
        Assert.Contains("EnsureCollectionExistsAsync", missing.Message, StringComparison.Ordinal);

        await _collection.EnsureCollectionExistsAsync(Cancellation);
        var wrong = await Assert.ThrowsAsync<NotSupportedException>(
            async () => await _collection.SearchAsync("text", 1, cancellationToken: Cancellation).ToArrayAsync(Cancellation));
        Assert.Contains("not by String", wrong.Message, StringComparison.Ordinal);

        await _collection.EnsureCollectionDeletedAsync(Cancellation);
        Assert.False(await _collection.CollectionExistsAsync(Cancellation));
    }

    public void Dispose() => _collection.Dispose();

    private static DocumentPassage Passage(int id, float[] vector) => new() { Id = id, File = "f", FirstLine = 1, LastLine = 1, Text = "t", Vector = vector };

    private async Task FillAsync(params (int Id, float[] Vector)[] records)
    {
        await _collection.EnsureCollectionExistsAsync(Cancellation);
        await _collection.UpsertAsync(records.Select(record => Passage(record.Id, record.Vector)), Cancellation);
    }

    private async Task<string> SearchAsync(int top, VectorSearchOptions<DocumentPassage>? options = null) =>
        await JoinAsync(_collection.SearchAsync(new float[] { 1, 0 }, top, options, Cancellation).Select(result => result.Record));

    private static async Task<string> JoinAsync(IAsyncEnumerable<DocumentPassage> passages) =>
        string.Join(' ', await passages.Select(passage => passage.Id).ToArrayAsync(Cancellation));
}
