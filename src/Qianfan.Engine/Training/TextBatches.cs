namespace Qianfan.Engine.Training;

/// <summary>Batches of texts: in each epoch they lie behind one another in an order of their own, and the sequences that they are cut into come in one of their own too.</summary>
internal sealed class TextBatches : IBatchSource
{
    private readonly IReadOnlyList<EncodedRow> _texts;
    private readonly int _length;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly int _passTokens;
    private TextSequences _sequences;
    private int _epoch = -1;
    private int[] _order = [];

    /// <param name="texts">What is learnt.</param>
    /// <param name="length">Tokens of a sequence.</param>
    /// <param name="batchSize">Sequences a step.</param>
    /// <param name="seed">Of the order.</param>
    /// <param name="passTokens">Tokens that go through the model at once, unless a sequence has more.</param>
    public TextBatches(IReadOnlyList<EncodedRow> texts, int length, int batchSize, long seed, int passTokens)
    {
        _texts = texts;
        _length = length;
        _batchSize = batchSize;
        _seed = seed;
        _passTokens = passTokens;
        _sequences = new TextSequences(texts, length);
    }

    // The same tokens make as many sequences in each epoch.
    public int StepsPerEpoch => (_sequences.Count + _batchSize - 1) / _batchSize;

    public IReadOnlyList<Batch> At(int step)
    {
        var epoch = step / StepsPerEpoch;
        if (epoch != _epoch)
            Begin(epoch);
        return _sequences.Parts(_order.Skip(step % StepsPerEpoch * _batchSize).Take(_batchSize), _passTokens);
    }

    private void Begin(int epoch)
    {
        var random = new SeededRandom(_seed, epoch + 1);
        var texts = _texts.ToArray();
        random.Shuffle(texts.AsSpan());
        _sequences = new TextSequences(texts, _length);
        _order = [.. Enumerable.Range(0, _sequences.Count)];
        random.Shuffle(_order.AsSpan());
        _epoch = epoch;
    }
}
