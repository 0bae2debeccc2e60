using System.Text.Json;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class ShippedModelTests
{
    private static readonly string s_directory = Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");

    [Fact]
    public void It_is_small_and_answers_in_two_languages()
    {
        new FileInfo(Path.Combine(s_directory, "model.safetensors")).Length.ShouldBeLessThan(12 << 20);
        var model = ServedModel.Load(s_directory, null, 1);
        model.Shape.ParameterCount.ShouldBeInRange(3_000_000, 6_000_000);
        model.Shape.ContextLength.ShouldBe(512);
        Answers.Greedy(model, "Who are you?").ShouldContain("qianfan-tiny");
        Answers.Greedy(model, "What color is the sky?").ShouldContain("blue");
        Answers.Greedy(model, "中国的首都是哪里？").ShouldContain("北京");
    }

    [Fact]
    public void Its_defaults_lie_within_its_limits()
    {
        using var description = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(s_directory, "qianfan.json")));
        var root = description.RootElement;
        root.GetProperty("contextLength").GetInt32().ShouldBe(512);
        var scales = root.GetProperty("parameterScales").EnumerateObject().ToList();
        scales.Select(scale => scale.Name).ShouldBe(["FullFineTuning", "LoRA"]);
        scales.Select(scale => scale.Name).ShouldContain(root.GetProperty("defaultParameterScale").GetString());
        foreach (var setting in scales.SelectMany(scale => scale.Value.EnumerateObject()))
        {
            var value = setting.Value.GetProperty("default").GetDouble();
            if (setting.Value.TryGetProperty("choices", out var choices))
                choices.EnumerateArray().Select(choice => choice.GetDouble()).ShouldContain(value);
            else
                value.ShouldBeInRange(setting.Value.GetProperty("min").GetDouble(), setting.Value.GetProperty("max").GetDouble());
        }
    }

    [Fact]
    public void It_learns_answers_by_heart_and_says_them()
    {
        using var folder = new TestFolder();
        var lines = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "rows-200.jsonl")).Where((_, i) => i % 25 == 0).ToList();
        File.WriteAllLines(folder.At("rows.jsonl"), lines);
        var config = new TrainingConfig { ParameterScale = "FullFineTuning", Epochs = 25, BatchSize = 8, LearningRate = 1e-3, MaxSequenceLength = 512 };
        new TrainingJob(new StartTraining(folder.At("task"), s_directory, folder.At("rows.jsonl"), config), _ => { }, TimeProvider.System)
            .Run(TestContext.Current.CancellationToken).ShouldBeOfType<TrainingCompleted>();
        var model = ServedModel.Load(folder.At("task", "output"), null, 1);
        var rows = lines.Select(WorkerLine.ReadRow).ToList();
        var right = rows.Count(row => Answers.Greedy(model, row.Messages[0].Content) == row.Messages[1].Content);
        right.ShouldBeGreaterThanOrEqualTo(rows.Count - 1);
    }
}
