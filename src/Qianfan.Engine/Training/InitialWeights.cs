using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Training;

/// <summary>Random weights of a new model.</summary>
internal static class InitialWeights
{
    public static Dictionary<string, float[]> Create(ModelShape shape, long seed, double deviation = 0.02)
    {
        var random = new SeededRandom(seed, -2);
        // What is added to the residual stream starts smaller, the more often it is added.
        var residual = deviation / Math.Sqrt(2.0 * shape.Layers);
        return shape.Weights().ToDictionary(weight => weight.Name, weight =>
        {
            var values = new float[weight.Shape.Aggregate(1L, (product, size) => product * size)];
            if (weight.Shape.Length == 1)
                Array.Fill(values, weight.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1);
            else
                Fill(values, weight.Name.Contains("o_proj", StringComparison.Ordinal) || weight.Name.Contains("down_proj", StringComparison.Ordinal) ? residual : deviation);
            return values;
        }, StringComparer.Ordinal);

        void Fill(float[] values, double scale)
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)(random.NextNormal() * scale);
        }
    }
}
