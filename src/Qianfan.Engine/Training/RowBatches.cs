namespace Qianfan.Engine.Training;

/// <summary>Batches of rows in an order of their own in each epoch; rows of like length share a batch, so that little is padded.</summary>
internal sealed class RowBatches : IBatchSource
{
    /// <summary>Batches that are sorted by length together: enough to save padding, few enough to keep the order random.</summary>
    private const int BatchesPerBucket = 16;

    private readonly IReadOnlyList<EncodedRow> _rows;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly int _passTokens;
    private readonly bool _packing;
    private readonly VariedPrompts? _varied;
    private int _epoch = -1;
    private int[][] _order = [];

    /// <param name="rows">What is learnt.</param>
    /// <param name="batchSize">Rows a step.</param>
    /// <param name="seed">Of the order.</param>
    /// <param name="passTokens">Tokens that go through the model at once, unless one row has more.</param>
    /// <param name="packing">Whether short rows share a sequence.</param>
    /// <param name="varied">Rows in other words; null leaves them as they are.</param>
    public RowBatches(IReadOnlyList<EncodedRow> rows, int batchSize, long seed, int passTokens, bool packing, VariedPrompts? varied = null)
    {
        _varied = varied;
        _passTokens = passTokens;
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
        return Batch.Parts(_order[step % StepsPerEpoch].Select(row => _varied?.At(epoch, row) ?? _rows[row]), _passTokens, _packing);
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
