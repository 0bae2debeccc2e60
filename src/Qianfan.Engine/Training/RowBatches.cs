namespace Qianfan.Engine.Training;

/// <summary>Batches of rows in an order of their own in each epoch; rows of like length share a batch, so that little is padded.</summary>
internal sealed class RowBatches : IBatchSource
{
    /// <summary>Batches that are sorted by length together: enough to save padding, few enough to keep the order random.</summary>
    private const int BatchesPerBucket = 16;

    /// <summary>Tokens that go through the model at once.</summary>
    private const int TokensPerPart = 4096;

    private readonly IReadOnlyList<EncodedRow> _rows;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly bool _packing;
    private readonly VariedPrompts? _varied;
    private int _epoch = -1;
    private int[][] _order = [];

    public RowBatches(IReadOnlyList<EncodedRow> rows, int batchSize, long seed, bool packing = false, VariedPrompts? varied = null)
    {
        _varied = varied;
        _packing = packing;
        _rows = rows;
        _batchSize = batchSize;
        _seed = seed;
    }

    public int StepsPerEpoch => (_rows.Count + _batchSize - 1) / _batchSize;

    public IReadOnlyList<Batch> At(int step)
    {
        var epoch = step / StepsPerEpoch;
        if (epoch != _epoch)
        {
            _order = Order(epoch);
            _epoch = epoch;
        }
        return Batch.Parts(_order[step % StepsPerEpoch].Select(row => _varied?.At(epoch, row) ?? _rows[row]), TokensPerPart, _packing);
    }

    private int[][] Order(int epoch)
    {
        var random = new SeededRandom(_seed, epoch + 1);
        var rows = Enumerable.Range(0, _rows.Count).ToArray();
        random.Shuffle(rows.AsSpan());
        var batches = rows.Chunk(_batchSize * BatchesPerBucket)
            .SelectMany(bucket => bucket.OrderBy(row => _rows[row].Tokens.Count).ThenBy(row => row).Chunk(_batchSize)).ToArray();
        random.Shuffle(batches.AsSpan());
        return batches;
    }
}
