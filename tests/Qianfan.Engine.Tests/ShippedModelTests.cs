using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class ShippedModelTests(ITestOutputHelper output)
{
    private static readonly string s_directory = Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");

    private const string Description = "qianfan.json";

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
        using var description = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(s_directory, Description)));
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
    public void Its_default_fine_tuning_learns_200_rows_by_heart_and_understands_half_of_their_paraphrases() =>
        Pass(s_directory, RowsExam.Defaults(Path.Combine(s_directory, Description)));

    /// <summary>
    /// The same of another model folder, or with other settings. Every variable may be left out: the model is then the shipped one, the scale its default, and the rest that scale's
    /// defaults in the folder's <c>qianfan.json</c> (in the shipped one if it has none):
    /// <code>
    /// QIANFAN_MODEL=/absolute/folder QIANFAN_SCALE=LoRA QIANFAN_EPOCHS=30 QIANFAN_BATCH_SIZE=8 QIANFAN_LEARNING_RATE=0.002 QIANFAN_SEED=42 \
    ///   dotnet test --project tests/Qianfan.Engine.Tests --explicit only --output Detailed --filter-method "*.Another_model_*"
    /// </code>
    /// </summary>
    [Fact(Explicit = true)]
    public void Another_model_or_other_settings_do_as_well()
    {
        var directory = Given("MODEL") ?? s_directory;
        var description = Path.Combine(directory, Description);
        var config = RowsExam.Defaults(File.Exists(description) ? description : Path.Combine(s_directory, Description), Given("SCALE"));
        Pass(directory, config with
        {
            Epochs = Number("EPOCHS", config.Epochs),
            BatchSize = Number("BATCH_SIZE", config.BatchSize),
            LearningRate = Number("LEARNING_RATE", config.LearningRate),
            Seed = Number("SEED", config.Seed),
            PromptDropout = Number("PROMPT_DROPOUT", config.PromptDropout),
        });

        static string? Given(string name) => Environment.GetEnvironmentVariable($"QIANFAN_{name}");
        static T Number<T>(string name, T otherwise) where T : INumber<T> => Given(name) is { } text ? T.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private void Pass(string directory, TrainingConfig config)
    {
        output.WriteLine($"{directory}: {config}");
        var exam = RowsExam.Take(directory, config, TestContext.Current.CancellationToken);
        output.WriteLine(exam.ToString());
        exam.RowsRight.ShouldBeGreaterThanOrEqualTo(180);
        exam.ParaphrasesRight.ShouldBeGreaterThanOrEqualTo(100);
    }
}
