namespace Qianfan.Engine.Training;

/// <summary>Batches for pre-training: one long stream of tokens cut into pieces of equal length, in an order of their own in each epoch.</summary>
internal sealed class StreamBatches : IBatchSource
{
    private readonly int[] _stream;
    private readonly int _length;
    private readonly int _batchSize;
    private readonly long _seed;
    private int _epoch = -1;
    private int[] _order = [];

    public StreamBatches(int[] stream, int length, int batchSize, long seed)
    {
        _stream = stream;
        _length = length;
        _batchSize = batchSize;
        _seed = seed;
    }

    public int StepsPerEpoch => Math.Max(1, Pieces / _batchSize);

    private int Pieces => (_stream.Length - 1) / _length;

    public IReadOnlyList<Batch> At(int step)
    {
        var epoch = step / StepsPerEpoch;
        if (epoch != _epoch)
        {
            _order = [.. Enumerable.Range(0, Pieces)];
            new SeededRandom(_seed, epoch + 1).Shuffle(_order.AsSpan());
            _epoch = epoch;
        }
        var pieces = _order.Skip(step % StepsPerEpoch * _batchSize).Take(_batchSize).ToList();
        var tokens = new long[pieces.Count * _length];
        var targets = new long[tokens.Length];
        for (var i = 0; i < tokens.Length; i++)
        {
            var at = pieces[i / _length] * _length + i % _length;
            tokens[i] = _stream[at];
            targets[i] = _stream[at + 1];
        }
        var weights = new float[tokens.Length];
        Array.Fill(weights, 1);
        return [new Batch(tokens, pieces.Count, _length, [.. Enumerable.Range(0, tokens.Length).Select(i => (long)i)], targets, weights, tokens.Length)];
    }
}
