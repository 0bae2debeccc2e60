using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class TrainingJobTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _reports = [];

    public TrainingJobTests()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("FullFineTuning", 120)]
    [InlineData("LoRA", 200)]
    public void Eight_rows_are_learnt_by_heart_and_the_output_says_them(string scale, int epochs)
    {
        // LoRA leaves the output layer as it is: random scores must be far enough apart to be sure of a token.
        if (scale == "LoRA")
            TinyModel.Write(_folder.At("model"), embeddingScale: 4);
        var completed = Run("task", TinyModel.Config(scale, epochs) with { LoraRank = 16, LoraAlpha = 32, WeightDecay = 0 }).ShouldBeOfType<TrainingCompleted>();
        completed.TrainingLoss.ShouldBeLessThan(0.05);
        completed.OutputKind.ShouldBe(scale == "LoRA" ? "adapter" : "model");
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.FromStep, started.TotalSteps, started.TrainRows).ShouldBe((0, epochs * 2, 8));
        (started.TrainableParameters < started.Parameters).ShouldBe(scale == "LoRA");

        var model = scale == "LoRA" ? ServedModel.Load(_folder.At("model"), _folder.At("task", "output"), 1) : ServedModel.Load(_folder.At("task", "output"), null, 1);
        foreach (var (question, answer) in TinyModel.Pairs)
            Answers.Greedy(model, question).ShouldBe(answer);
    }

    [Theory]
    [InlineData("FullFineTuning")]
    [InlineData("LoRA")]
    public void A_stopped_run_resumes_to_the_end_with_the_losses_of_one_that_was_not_stopped(string scale)
    {
        var config = TinyModel.Config(scale, epochs: 6) with { ValidationPercent = 25, LoraDropout = 0.2 };
        var whole = Run("whole", config).ShouldBeOfType<TrainingCompleted>();
        var expected = Losses();
        expected.Count.ShouldBe(12);

        _reports.Clear();
        Run("parts", config, stopAfter: 5).ShouldBe(new TrainingStopped(5));
        Directory.Exists(_folder.At("parts", "output")).ShouldBeFalse();
        Run("parts", config, stopAfter: 9).ShouldBe(new TrainingStopped(9));
        var resumed = Run("parts", config).ShouldBeOfType<TrainingCompleted>();
        Losses().ShouldBe(expected);
        _reports.OfType<TrainingStarted>().Select(started => started.FromStep).ShouldBe([0, 5, 9]);
        (resumed.TrainingLoss, resumed.ValidationLoss, resumed.Tokens).ShouldBe((whole.TrainingLoss, whole.ValidationLoss, whole.Tokens));

        // A resumed run repeats what came before, in the same words.
        List<(int, double, double)> Losses() => [.. _reports.OfType<TrainingProgress>().Distinct().Select(progress => (progress.Step, progress.Loss, progress.GradientNorm))];
    }

    [Fact]
    public void A_run_that_was_done_already_says_so_again()
    {
        var first = Run("task", TinyModel.Config()).ShouldBeOfType<TrainingCompleted>();
        var second = Run("task", TinyModel.Config()).ShouldBeOfType<TrainingCompleted>();
        (second.Steps, second.TrainingLoss, second.Tokens).ShouldBe((first.Steps, first.TrainingLoss, first.Tokens));
    }

    [Fact]
    public void Only_the_newest_two_checkpoints_are_kept()
    {
        Run("task", TinyModel.Config(epochs: 5) with { CheckpointSteps = 2 });
        Directory.EnumerateDirectories(_folder.At("task", "checkpoints")).Select(Path.GetFileName).Order().ShouldBe(["step-00000008", "step-00000010"]);
        _reports.OfType<CheckpointSaved>().Select(saved => saved.Step).ShouldBe([2, 4, 6, 8, 10]);
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_not_taken_up()
    {
        Run("task", TinyModel.Config());
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config() with { LearningRate = 0.5 })).Code.ShouldBe(WorkerErrors.InvalidArgument);
    }

    [Fact]
    public void Validation_rows_are_held_out_and_evaluated_from_the_start()
    {
        Run("task", TinyModel.Config(epochs: 3) with { ValidationPercent = 25 });
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.TrainRows, started.ValidationRows).ShouldBe((6, 2));
        var steps = _reports.OfType<ValidationResult>().Select(result => result.Step).ToList();
        steps[0].ShouldBe(0);
        steps[^1].ShouldBe(started.TotalSteps);
    }

    [Fact]
    public void A_validation_that_a_stop_cut_short_is_made_up_for()
    {
        var config = TinyModel.Config(epochs: 3) with { ValidationPercent = 25 };
        // Told to stop by the report of step 2, after which a validation is due.
        Run("task", config, stopAfter: 2);
        _reports.OfType<ValidationResult>().Select(result => result.Step).ShouldBe([0, 1]);
        _reports.Clear();
        Run("task", config);
        _reports.OfType<ValidationResult>().Select(result => result.Step).ShouldBe([0, 1, 2, 3, 4, 5, 6]);
    }

    [Fact]
    public void Long_rows_are_cut_at_the_right_and_counted_and_rows_without_an_answer_left_are_left_out()
    {
        File.AppendAllLines(_folder.At("rows.jsonl"), [
            WorkerLine.Write(new TrainingRow([new("user", "How are you?"), new("assistant", string.Concat(Enumerable.Repeat("I am fine. ", 30)))])),
            WorkerLine.Write(new TrainingRow([new("user", string.Concat(Enumerable.Repeat("How are you? ", 60))), new("assistant", "I am fine.")])),
        ]);
        Run("task", TinyModel.Config(epochs: 1));
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.TruncatedRows, started.TrainRows).ShouldBe((2, 9));
        _reports.OfType<TrainingLog>().ShouldContain(log => log.Level == "warning" && log.Message.StartsWith("1 rows", StringComparison.Ordinal));
    }

    [Fact]
    public void A_loss_that_is_no_number_is_called_diverged()
    {
        using (var files = WeightFiles.Open(_folder.At("model")))
        {
            var shape = ModelShape.Read(_folder.At("model"));
            var weights = files.ReadAll(shape);
            weights[WeightNames.Norm][0] = float.MaxValue;
            files.Dispose();
            var writer = new SafetensorsWriter();
            foreach (var (name, size) in shape.Weights())
                writer.Add(name, size, WeightFormat.F32, weights[name]);
            writer.Write(_folder.At("model", WeightFiles.SingleFile));
        }
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config())).Code.ShouldBe(WorkerErrors.Diverged);
    }

    [Theory]
    [InlineData("", WorkerErrors.NoRows)]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", WorkerErrors.NoRows)]
    [InlineData("{\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", WorkerErrors.InvalidArgument)]
    [InlineData("{\"rows\":1}", WorkerErrors.InvalidArgument)]
    [InlineData("no json", WorkerErrors.InvalidArgument)]
    public void Rows_that_cannot_be_trained_on_are_refused(string line, string code)
    {
        File.WriteAllText(_folder.At("rows.jsonl"), line);
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config())).Code.ShouldBe(code);
    }

    [Fact]
    public void A_task_folder_is_for_one_worker()
    {
        using (TaskLock.Take(_folder.At("task")))
            Should.Throw<EngineException>(() => Run("task", TinyModel.Config())).Code.ShouldBe(WorkerErrors.TaskLocked);
        Run("task", TinyModel.Config()).ShouldBeOfType<TrainingCompleted>();
    }

    [Theory]
    [InlineData("FullFineTuning", "LoRA")]
    [InlineData("LoRA", "LoRA")]
    [InlineData("LoRA", "FullFineTuning")]
    public void Training_goes_on_from_the_output_of_another(string first, string second)
    {
        Run("first", TinyModel.Config(first, 40));
        var before = _reports.OfType<TrainingProgress>().Last().Loss;
        _reports.Clear();
        var completed = Run("second", TinyModel.Config(second, 1) with { StartFromDirectory = _folder.At("first", "output"), LearningRate = 1e-5 }).ShouldBeOfType<TrainingCompleted>();
        completed.TrainingLoss.ShouldBeLessThan(before + 0.5);
        completed.OutputKind.ShouldBe(first == "LoRA" && second == "LoRA" ? "adapter" : "model");
    }

    [Fact]
    public void A_hundred_steps_leave_no_tensors_behind()
    {
        Run("task", TinyModel.Config(epochs: 5));
        var before = TorchSharp.torch.Tensor.TotalCount;
        Run("task2", TinyModel.Config(epochs: 50));
        TorchSharp.torch.Tensor.TotalCount.ShouldBe(before);
    }

    private WorkerMessage Run(string task, TrainingConfig config, int? stopAfter = null)
    {
        using var stop = new CancellationTokenSource();
        return new TrainingJob(new StartTraining(_folder.At(task), _folder.At("model"), _folder.At("rows.jsonl"), config), Report, TimeProvider.System).Run(stop.Token);

        void Report(WorkerMessage message)
        {
            _reports.Add(message);
            if (message is TrainingProgress progress && progress.Step == stopAfter)
                stop.Cancel();
        }
    }
}
