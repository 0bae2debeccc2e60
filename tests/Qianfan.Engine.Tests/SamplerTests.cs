using CsCheck;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class SamplerTests
{
    private static readonly float[] s_logits = [1f, 3f, 2f, -1f];

    private static HashSet<int> Drawn(SamplingConfig config, int rounds = 300)
    {
        var sampler = new Sampler(config, []);
        return [.. Enumerable.Range(0, rounds).Select(_ => sampler.Next([.. s_logits]))];
    }

    [Fact]
    public void Temperature_zero_takes_the_likeliest() => Drawn(new SamplingConfig { Temperature = 0 }).ShouldBe([1]);

    [Fact]
    public void Top_k_draws_from_the_likeliest_k() => Drawn(new SamplingConfig { Temperature = 5, TopK = 2, Seed = 1 }).Order().ShouldBe([1, 2]);

    [Fact]
    public void Top_p_draws_from_the_smallest_set_that_reaches_it()
    {
        // Probabilities are about 0.64, 0.24, 0.09 and 0.01.
        Drawn(new SamplingConfig { Temperature = 1, TopP = 0.6, Seed = 1 }).ShouldBe([1]);
        Drawn(new SamplingConfig { Temperature = 1, TopP = 0.7, Seed = 1 }).Order().ShouldBe([1, 2]);
    }

    [Fact]
    public void A_seed_repeats_its_draws()
    {
        var draws = Enumerable.Range(0, 3).Select(run => new Sampler(new SamplingConfig { Temperature = 3, Seed = run == 2 ? 6 : 5 }, []))
            .Select(sampler => Enumerable.Range(0, 50).Select(_ => sampler.Next([.. s_logits])).ToArray()).ToArray();
        draws[1].ShouldBe(draws[0]);
        draws[2].ShouldNotBe(draws[0]);
    }

    [Fact]
    public void Draws_follow_the_probabilities()
    {
        var sampler = new Sampler(new SamplingConfig { Temperature = 1, Seed = 11 }, []);
        var share = Enumerable.Range(0, 4000).Count(_ => sampler.Next([.. s_logits]) == 1) / 4000.0;
        share.ShouldBe(0.6439, 0.03);
    }

    [Fact]
    public void The_repetition_penalty_lowers_tokens_of_prompt_and_answer()
    {
        var sampler = new Sampler(new SamplingConfig { Temperature = 0, RepetitionPenalty = 2 }, [1]);
        sampler.Next([.. s_logits]).ShouldBe(2);
        sampler.Next([.. s_logits]).ShouldBe(1);
    }

    [Fact]
    public void Min_p_drops_what_is_far_less_likely_than_the_likeliest()
    {
        // Relative to the likeliest: 0.135, 1, 0.37 and 0.018.
        Drawn(new SamplingConfig { Temperature = 1, MinP = 0.2, Seed = 1 }).Order().ShouldBe([1, 2]);
        Drawn(new SamplingConfig { Temperature = 1, MinP = 0.1, Seed = 1 }).Order().ShouldBe([0, 1, 2]);
        Drawn(new SamplingConfig { Temperature = 1, MinP = 1, Seed = 1 }).ShouldBe([1]);
    }

    [Fact]
    public void The_presence_penalty_counts_a_token_once_and_the_frequency_penalty_each_time()
    {
        Greedy(new SamplingConfig { Temperature = 0, PresencePenalty = 1.1 }, 4).ShouldBe([1, 2, 1, 1]);
        Greedy(new SamplingConfig { Temperature = 0, FrequencyPenalty = 1.1 }, 5).ShouldBe([1, 2, 1, 0, 2]);
        // Tokens of the prompt are not the answer's.
        new Sampler(new SamplingConfig { Temperature = 0, PresencePenalty = 2 }, [1]).Next([.. s_logits]).ShouldBe(1);

        static int[] Greedy(SamplingConfig config, int count)
        {
            var sampler = new Sampler(config, []);
            return [.. Enumerable.Range(0, count).Select(_ => sampler.Next([.. s_logits]))];
        }
    }

    [Fact]
    public void A_bias_makes_a_token_likelier_or_never_and_leaves_the_reported_probabilities_alone()
    {
        var sampler = new Sampler(new SamplingConfig { Temperature = 0, LogitBias = new Dictionary<int, double> { [1] = -100, [0] = 5 }, Logprobs = 1 }, []);
        sampler.Next([.. s_logits]).ShouldBe(0);
        sampler.Probabilities!.Top.Single().Token.ShouldBe(1);
        Drawn(new SamplingConfig { Temperature = 1, Seed = 1, LogitBias = new Dictionary<int, double> { [1] = -100 } }).ShouldNotContain(1);
    }

    [Fact]
    public void Log_probabilities_are_the_models_own()
    {
        var sampler = new Sampler(new SamplingConfig { Temperature = 0, RepetitionPenalty = 10, Logprobs = 2 }, [1]);
        sampler.Next([.. s_logits]).ShouldBe(2);
        var total = Math.Log(s_logits.Sum(logit => Math.Exp(logit)));
        sampler.Probabilities!.Chosen.ShouldBe(2 - total, 1e-6);
        sampler.Probabilities.Top.Select(top => top.Token).ShouldBe([1, 2]);
        sampler.Probabilities.Top[0].LogProbability.ShouldBe(3 - total, 1e-6);
        new Sampler(new SamplingConfig { Logprobs = 0 }, []).Probabilities.ShouldBeNull();
    }

    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(2, 1.0)]
    [InlineData(0, 0.9)]
    public void What_is_ruled_out_is_never_drawn(int topK, double topP)
    {
        var sampler = new Sampler(new SamplingConfig { Temperature = 2, TopK = topK, TopP = topP, Seed = 3 }, []);
        Enumerable.Range(0, 500).Select(_ => sampler.Next([.. s_logits], logits => logits[1] = logits[3] = float.NegativeInfinity)).Distinct().Order().ShouldBe([0, 2]);
    }

    /// <summary>Probabilities with steep and flat stretches, equal ones and zeros.</summary>
    private static readonly Gen<float[]> s_probabilities = Gen.Select(Gen.Int[-40, 8].Array[1, 400], Gen.Double[0.05, 2], (steps, height) =>
    {
        var scores = steps.Select(step => step < -38 ? float.NegativeInfinity : (float)(step * height)).ToArray();
        scores[scores.Length / 2] = 1;
        Kernels.SoftMax(scores);
        return scores;
    });

    private static readonly Gen<double> s_share = Gen.OneOf(Gen.Double[0.01, 1], Gen.Int[0, 4].Select(i => new[] { 0, 0.5, 0.9, 0.999999, 1 }[i]));

    [Fact]
    public void What_the_limits_leave_is_what_sorting_all_tokens_would_leave() =>
        Gen.Select(s_probabilities, Gen.OneOf(Gen.Const(0), Gen.Int[1, 500]), s_share, s_share).Sample((probabilities, topK, share, minP) =>
        {
            var topP = share == 0 ? 1 : share;
            LikelyTokens.Of(probabilities, topK, topP, minP).ShouldBe(BySorting(probabilities, topK, topP, minP));
        }, iter: 2000);

    private static List<(int Token, float Probability)> BySorting(float[] probabilities, int topK, double topP, double minP)
    {
        var all = probabilities.Select((probability, token) => (Token: token, Probability: probability)).Where(at => at.Probability > 0).OrderByDescending(at => at.Probability).ThenBy(at => at.Token).ToList();
        if (topK > 0)
            all = [.. all.Take(topK)];
        var whole = topK > 0 ? all.Sum(at => (double)at.Probability) : 1;
        var kept = new List<(int, float)>();
        double total = 0;
        foreach (var (token, probability) in all)
        {
            if (kept.Count > 0 && (topP < 1 && total >= topP * whole || probability < all[0].Probability * minP))
                break;
            kept.Add((token, probability));
            total += probability;
        }
        return kept;
    }

    [Fact]
    public void Scores_that_are_no_numbers_are_an_error_with_a_name() =>
        Should.Throw<EngineException>(() => new Sampler(new SamplingConfig(), []).Next([1f, float.NaN])).Code.ShouldBe(WorkerErrors.InvalidModel);

    [Fact]
    public void Wrong_settings_are_named()
    {
        using var schema = System.Text.Json.JsonDocument.Parse("{}");
        (string Field, SamplingConfig Config)[] wrong =
        [
            ("maxTokens", new() { MaxTokens = 0 }), ("topK", new() { TopK = -1 }), ("minP", new() { MinP = 1.5 }), ("minP", new() { MinP = double.NaN }), ("repetitionPenalty", new() { RepetitionPenalty = 0 }),
            ("frequencyPenalty", new() { FrequencyPenalty = 2.5 }), ("presencePenalty", new() { PresencePenalty = -3 }), ("logprobs", new() { Logprobs = 21 }), ("logitBias", new() { LogitBias = new Dictionary<int, double> { [0] = 101 } }), ("responseFormat", new() { ResponseFormat = "xml" }),
            ("jsonSchema", new() { ResponseFormat = "json_schema" }), ("jsonSchema", new() { JsonSchema = schema.RootElement }),
        ];
        foreach (var (field, config) in wrong)
            Sampler.Check(config)!.ShouldStartWith(field);
        Sampler.Check(new SamplingConfig()).ShouldBeNull();
        Sampler.Check(new SamplingConfig { Temperature = -1 })!.ShouldContain("temperature");
        Sampler.Check(new SamplingConfig { Temperature = double.NaN })!.ShouldContain("temperature");
        Sampler.Check(new SamplingConfig { TopP = 0 })!.ShouldContain("topP");
        Sampler.Check(new SamplingConfig { Stop = [.. Enumerable.Range(0, 10_000).Select(i => $"{i}")] })!.ShouldContain("10000");
        Sampler.Check(new SamplingConfig { Stop = [""] })!.ShouldContain("empty");
    }
}
