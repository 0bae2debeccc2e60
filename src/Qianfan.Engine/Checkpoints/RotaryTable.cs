namespace Qianfan.Engine.Checkpoints;

/// <summary>Cosine and sine of every position's angles. Grows with the longest text so far: a context of 131,072 tokens would take 64 MB at once. Not thread-safe.</summary>
internal sealed class RotaryTable
{
    private const int FirstLength = 256;
    private readonly double[] _frequencies;
    private readonly double _magnitude;
    private readonly int _most;
    private float[] _cosine = [];
    private float[] _sine = [];

    public RotaryTable(ModelShape shape)
    {
        _frequencies = shape.Rope.Frequencies(shape.RopeTheta, shape.HeadSize);
        _magnitude = shape.Rope.Magnitude;
        _most = shape.ContextLength;
    }

    /// <summary>Positions in the table.</summary>
    public int Length { get; private set; }

    /// <summary>Pairs of a head.</summary>
    public int Half => _frequencies.Length;

    public ReadOnlySpan<float> Cosine(int position) => _cosine.AsSpan(position * Half, Half);

    public ReadOnlySpan<float> Sine(int position) => _sine.AsSpan(position * Half, Half);

    /// <summary>Makes sure that the table holds so many positions.</summary>
    public void Reserve(int length)
    {
        if (length <= Length)
            return;
        var from = Length;
        Length = Math.Min(_most, Math.Max(length, Math.Max(FirstLength, Length * 2)));
        Array.Resize(ref _cosine, Length * Half);
        Array.Resize(ref _sine, Length * Half);
        for (var position = from; position < Length; position++)
        {
            for (var i = 0; i < Half; i++)
            {
                var (sine, cosine) = Math.SinCos(position * _frequencies[i]);
                _cosine[position * Half + i] = (float)(cosine * _magnitude);
                _sine[position * Half + i] = (float)(sine * _magnitude);
            }
        }
    }
}
