using Qianfan.Engine.Pretraining;
using Qianfan.Engine.Serving;

namespace Qianfan.Engine.Tests;

public sealed class MatrixTests
{
    private readonly Crew _two = new(2);
    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");

    public static readonly TheoryData<int, int, int> Sizes = new() { { 1, 7, 5 }, { 3, 64, 4 }, { 5, 65, 131 }, { 9, 576, 33 }, { 97, 256, 300 } };

    private static float[] Random(int count, long seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }

    private float[] Product(Matrix matrix, float[] x, int tokens)
    {
        var y = new float[tokens * matrix.Outputs];
        matrix.Multiply(x, y, tokens, _two);
        return y;
    }

    /// <summary>What the matrix holds, as 32-bit numbers.</summary>
    private static float[] Values(Matrix matrix)
    {
        var values = new float[matrix.Outputs * matrix.Inputs];
        for (var row = 0; row < matrix.Outputs; row++)
            matrix.CopyRow(row, values.AsSpan(row * matrix.Inputs, matrix.Inputs));
        return values;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_path_of_8_bits_multiplies_what_it_holds(int tokens, int inputs, int outputs)
    {
        var (w, x) = (Random(inputs * outputs, 1), Random(inputs * tokens, 2));
        var portable = Product(new Int8Matrix(w, outputs, inputs, Int8Path.Portable), x, tokens);
        var exact = Product(new Float32Matrix(Values(new Int8Matrix(w, outputs, inputs, Int8Path.Portable)), outputs, inputs), x, tokens);
        foreach (var path in Int8Paths.Here)
        {
            var y = Product(new Int8Matrix(w, outputs, inputs, path), x, tokens);
            for (var i = 0; i < y.Length; i++)
            {
                // Against the portable path, only the order of additions differs; against 32 bits, activations are rounded to 16.
                y[i].ShouldBe(portable[i], 1e-4f, $"{path}, {i}");
                y[i].ShouldBe(exact[i], 5e-3f, $"{path}, {i}");
            }
        }
    }

    [Fact]
    public void Eight_bits_hold_each_weight_within_half_a_step_of_its_block()
    {
        var w = Random(130 * 3, 3);
        w.AsSpan(64, 64).Clear();
        w[0] = 1000;
        var held = Values(new Int8Matrix(w, 3, 130, Int8Path.Portable));
        for (var row = 0; row < 3; row++)
        {
            for (var block = 0; block < 130; block += 64)
            {
                var count = Math.Min(64, 130 - block);
                var step = w.AsSpan(row * 130 + block, count).ToArray().Max(Math.Abs) / 127;
                for (var i = row * 130 + block; i < row * 130 + block + count; i++)
                    held[i].ShouldBe(w[i], (step * 0.501f) + 1e-9f);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Bfloat16_multiplies_like_32_bits_of_the_same_values(int tokens, int inputs, int outputs)
    {
        var matrix = new Brain16Matrix(Random(inputs * outputs, 4), outputs, inputs);
        var x = Random(inputs * tokens, 5);
        var (y, exact) = (Product(matrix, x, tokens), Product(new Float32Matrix(Values(matrix), outputs, inputs), x, tokens));
        for (var i = 0; i < y.Length; i++)
            y[i].ShouldBe(exact[i], 1e-3f);
    }

    [Fact]
    public void A_token_gets_the_same_products_whoever_goes_with_it()
    {
        // Eight at a time, then four, then one.
        const int Tokens = 31, Inputs = 200, Outputs = 65;
        var (w, x) = (Random(Inputs * Outputs, 6), Random(Inputs * Tokens, 7));
        foreach (var matrix in Int8Paths.Here.Select(path => (Matrix)new Int8Matrix(w, Outputs, Inputs, path)).Append(new Brain16Matrix(w, Outputs, Inputs)).Append(new Float32Matrix(w, Outputs, Inputs)))
        {
            var together = Product(matrix, x, Tokens);
            for (var token = 0; token < Tokens; token++)
                Product(matrix, x[(token * Inputs)..((token + 1) * Inputs)], 1).ShouldBe(together[(token * Outputs)..((token + 1) * Outputs)]);
        }
    }

    [Fact]
    public void Perplexity_with_8_bits_is_within_a_percent_of_32()
    {
        var exact = Loss(WeightKind.F32);
        exact.ShouldBeLessThan(3);
        Math.Exp(Loss(WeightKind.Int8) - exact).ShouldBe(1, 0.01);
        // What is stored as bfloat16 is the same in 32 bits.
        Loss(WeightKind.BF16).ShouldBe(exact, 1e-4);
    }

    /// <summary>Nats a token of generated documents that the model was not trained on.</summary>
    private static double Loss(WeightKind kind)
    {
        var model = ServedModel.Load(s_shipped, null, 1, kind: kind);
        var corpus = new CorpusGenerator(seed: 99_991);
        var (sum, count) = (0.0, 0);
        for (var i = 0; i < 12; i++)
        {
            var document = corpus.At(i);
            var tokens = model.Tokenizer.EncodeWhole(document.Text ?? string.Join('\n', document.Messages!.Select(turn => turn.Content))).Take(200).ToList();
            if (tokens.Count < 2)
                continue;
            var logits = new float[tokens.Count * model.Shape.VocabularySize];
            model.Decoder.Logits(model.Decoder.Forward([new(new KeyValueCache(model.Shape), tokens)]), tokens.Count, logits);
            for (var t = 0; t + 1 < tokens.Count; t++, count++)
            {
                var scores = logits.AsSpan(t * model.Shape.VocabularySize, model.Shape.VocabularySize);
                Kernels.SoftMax(scores);
                sum -= Math.Log(scores[tokens[t + 1]]);
            }
        }
        return sum / count;
    }

    [Fact]
    public void Small_models_are_served_as_stored_and_large_ones_in_8_bits()
    {
        var small = TinyModel.Shape();
        ServedWeights.Default(small).ShouldBe(WeightKind.F32);
        ServedWeights.Default(small with { Format = Checkpoints.WeightFormat.BF16 }).ShouldBe(WeightKind.BF16);
        ServedWeights.Default(small with { VocabularySize = 1_000_000 }).ShouldBe(WeightKind.Int8);
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("BF16")]
    [InlineData("Int8")]
    public void What_a_model_takes_in_memory_is_known_before(string kind)
    {
        var shape = TinyModel.Shape("llama, biases");
        var weights = TinyModel.Weights(shape);
        var format = Enum.Parse<WeightKind>(kind);
        ServedWeights.Of(shape, (name, _) => weights[name], format).Bytes.ShouldBe(ServedWeights.Estimate(shape, format));
    }
}
