using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>The real worker with instructions turned off, so that other processors' paths run on this one: AVX2 without AVX-512, and plain 128-bit vectors as ARM has them.</summary>
public sealed class ProcessorPathTests
{
    private static readonly string[] s_questions = ["Who are you?", "What color is the sky?", "中国的首都是哪里？"];

    private sealed record Said(string Path, IReadOnlyList<(string Text, int Tokens)> Answers, double[] Logprobs);

    [Fact]
    public async Task Every_path_says_the_same()
    {
        var own = await AskAsync([]);
        own.Path.ShouldBe($"{Int8Paths.Best}");
        own.Answers[1].Text.ShouldContain("blue");
        (string Variable, string Path)[] without = [("DOTNET_EnableAVX512", $"{(Int8Paths.Here.Contains(Int8Path.Avx2) ? Int8Path.Avx2 : Int8Path.Portable)}"), ("DOTNET_EnableAVX2", $"{Int8Path.Portable}"), ("DOTNET_EnableHWIntrinsic", $"{Int8Path.Portable}")];
        foreach (var (variable, path) in without)
        {
            var other = await AskAsync(new() { [variable] = "0" });
            other.Path.ShouldBe(path, variable);
            other.Answers.ShouldBe(own.Answers, variable);
            for (var i = 0; i < own.Logprobs.Length; i++)
                other.Logprobs[i].ShouldBe(own.Logprobs[i], 1e-3, variable);
        }
    }

    /// <summary>Greedy answers of the shipped model in each number format.</summary>
    private static async Task<Said> AskAsync(Dictionary<string, string> environment)
    {
        await using var worker = new Worker(environment, "serve");
        foreach (var weights in (string[])["f32", "bf16", "int8"])
        {
            worker.Send(new LoadModel(weights, weights, Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny"), Weights: weights));
            await worker.ExpectAsync<ModelLoaded>();
            for (var i = 0; i < s_questions.Length; i++)
            {
                worker.Send(new Generate($"{weights} {i}", weights, [new("user", s_questions[i])], null, new SamplingConfig { Temperature = 0, MaxTokens = 24, Logprobs = 0 }));
                await worker.ExpectAsync<DecodeStep>(step => step.Slots.Any(slot => slot.FinishReason is not null));
            }
        }
        worker.Send(new Shutdown());
        (await worker.EndAsync()).ShouldBe(0);
        var slots = worker.Received.OfType<DecodeStep>().SelectMany(step => step.Slots).ToList();
        var path = worker.Errors.Split('\n').Single(line => line.StartsWith("8-bit weights", StringComparison.Ordinal)).Split(' ')[5];
        return new Said(path, [.. slots.GroupBy(slot => slot.RequestId).Select(request => (string.Concat(request.Select(slot => slot.Text)), request.Last().CompletionTokens))], [.. slots.Where(slot => slot.Logprob is not null).Select(slot => slot.Logprob!.Logprob)]);
    }
}
