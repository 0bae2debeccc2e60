using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Training;
using static TorchSharp.torch;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class DecoderTests
{
    private static readonly int[] s_tokens = [5, 300, 17, 17, 42, 299, 0, 123, 88, 7, 250];

    [Theory]
    [MemberData(nameof(TinyModel.Kinds), MemberType = typeof(TinyModel))]
    public void The_managed_decoder_scores_like_TorchSharp(string kind)
    {
        var shape = TinyModel.Shape(kind);
        var weights = TinyModel.Weights(shape);
        using var network = new LlamaNetwork(shape, weights);
        Compare(network, shape, TinyModel.Decoder(shape, weights));
    }

    [Fact]
    public void A_merged_adapter_scores_like_TorchSharp_with_the_adapter_beside_the_weights()
    {
        var shape = TinyModel.Shape();
        var weights = TinyModel.Weights(shape);
        var random = new SeededRandom(4);
        var values = Enumerable.Range(0, shape.Layers).SelectMany(shape.Linears).SelectMany(linear => new[]
        {
            KeyValuePair.Create(WeightNames.LoraA(linear.Name), Random(3 * linear.Inputs)),
            KeyValuePair.Create(WeightNames.LoraB(linear.Name), Random(linear.Outputs * 3)),
        }).ToDictionary();
        using var network = new LlamaNetwork(shape, weights, new LoraAdapters(shape, 3, 6, dropout: 0, values, seed: 1));
        var plain = weights[WeightNames.Gate(0)].ToArray();
        new PeftAdapter(3, 6, values).MergeInto(weights);
        weights[WeightNames.Gate(0)].ShouldNotBe(plain);
        Compare(network, shape, TinyModel.Decoder(shape, weights));

        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.1 * random.NextNormal()))];
    }

    [Fact]
    public void Scores_far_above_what_an_exponential_can_hold_stay_numbers()
    {
        var shape = TinyModel.Shape();
        var weights = TinyModel.Weights(shape);
        foreach (ref var value in weights[WeightNames.Query(0)].AsSpan())
            value *= 200;
        var hidden = TinyModel.Decoder(shape, weights).Forward([new(new KeyValueCache(shape), s_tokens)]).ToArray();
        hidden.ShouldAllBe(value => float.IsFinite(value));
        float[] scores = [1000, 999, -1000];
        Kernels.SoftMax(scores);
        scores.Select(score => MathF.Round(score, 3)).ShouldBe([0.731f, 0.269f, 0]);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral, window")]
    [InlineData("qwen3, biases")]
    public void Token_by_token_and_in_company_gives_what_the_whole_text_alone_gives(string kind)
    {
        var shape = TinyModel.Shape(kind);
        var decoder = TinyModel.Decoder(shape, TinyModel.Weights(shape));
        var whole = decoder.Forward([new(new KeyValueCache(shape), s_tokens)])[^shape.HiddenSize..].ToArray();

        var cache = new KeyValueCache(shape);
        decoder.Forward([new(cache, s_tokens[..4])]);
        float[] last = [];
        foreach (var token in s_tokens[4..])
        {
            var other = new KeyValueCache(shape);
            var hidden = decoder.Forward([new(other, [9, 8, 7, 6]), new(cache, [token]), new(new KeyValueCache(shape), [3])]);
            last = hidden.Slice(4 * shape.HiddenSize, shape.HiddenSize).ToArray();
        }
        for (var i = 0; i < whole.Length; i++)
            last[i].ShouldBe(whole[i], 1e-5f);
        cache.Length.ShouldBe(s_tokens.Length);
    }

    [Fact]
    public void What_lies_before_a_window_is_not_seen()
    {
        // One layer: what it sees is all that its answer knows.
        var shape = TinyModel.Shape("mistral, window") with { Layers = 1, Windows = [4] };
        var decoder = TinyModel.Decoder(shape, TinyModel.Weights(shape));
        Last([1, 2, 3, 9, 8, 7, 6]).ShouldBe(Last([5, 5, 5, 9, 8, 7, 6]));
        Last([1, 2, 3, 9, 8, 7, 6]).ShouldNotBe(Last([1, 2, 3, 5, 8, 7, 6]));

        float[] Last(int[] tokens) => decoder.Forward([new(new KeyValueCache(shape), tokens)])[^shape.HiddenSize..].ToArray();
    }

    [Theory]
    [InlineData(1, 7, 5)]
    [InlineData(3, 16, 4)]
    [InlineData(5, 33, 130)]
    [InlineData(97, 256, 300)]
    public void The_product_of_matrices_is_right_whatever_their_size(int tokens, int inputs, int outputs)
    {
        var random = new SeededRandom(8);
        float[] w = [.. Enumerable.Range(0, inputs * outputs).Select(_ => (float)random.NextNormal())], x = [.. Enumerable.Range(0, inputs * tokens).Select(_ => (float)random.NextNormal())];
        var y = new float[tokens * outputs];
        new Float32Matrix(w, outputs, inputs).Multiply(x, y, tokens, new Crew(2));
        for (var t = 0; t < tokens; t++)
        {
            for (var o = 0; o < outputs; o++)
            {
                double sum = 0;
                for (var i = 0; i < inputs; i++)
                    sum += (double)w[o * inputs + i] * x[t * inputs + i];
                y[t * outputs + o].ShouldBe((float)sum, 1e-3f);
            }
        }
    }

    private static void Compare(LlamaNetwork network, ModelShape shape, Decoder decoder)
    {
        using var scope = NewDisposeScope();
        // All tokens but the first are learnt: one more lies behind them.
        var expected = Tensors.Values(network.Scores(Batch.Of([new EncodedRow([.. s_tokens, 0], [.. Enumerable.Repeat(1f, s_tokens.Length + 1)])])));
        var logits = new float[s_tokens.Length * shape.VocabularySize];
        decoder.Logits(decoder.Forward([new(new KeyValueCache(shape), s_tokens)]), s_tokens.Length, logits);
        logits.Max().ShouldBeGreaterThan(0.5f);
        for (var i = 0; i < logits.Length; i++)
            logits[i].ShouldBe(expected[i], 2e-4f);
    }
}
