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
    private INetworkOperations? _operations;

    public TrainingJobTests()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("FullFineTuning", 120, "fp32")]
    [InlineData("LoRA", 200, "fp32")]
    [InlineData("FullFineTuning", 120, "bf16")]
    [InlineData("LoRA", 200, "bf16")]
    public void Eight_rows_are_learnt_by_heart_and_the_output_says_them(string scale, int epochs, string precision)
    {
        // LoRA leaves the output layer as it is: random scores must be far enough apart to be sure of a token.
        if (scale == "LoRA")
            TinyModel.Write(_folder.At("model"), embeddingScale: 4);
        var completed = Run("task", TinyModel.Config(scale, epochs) with { LoraRank = 16, LoraAlpha = 32, WeightDecay = 0, Precision = precision }).ShouldBeOfType<TrainingCompleted>();
        completed.TrainingLoss.ShouldBeLessThan(0.01);
        completed.OutputKind.ShouldBe(scale == "LoRA" ? "adapter" : "model");
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.FromStep, started.TotalSteps, started.TrainRows).ShouldBe((0, epochs * 2, 8));
        (started.TrainableParameters < started.Parameters).ShouldBe(scale == "LoRA");

        var model = scale == "LoRA" ? ServedModel.Load(_folder.At("model"), _folder.At("task", "output"), 1) : ServedModel.Load(_folder.At("task", "output"), null, 1);
        foreach (var (question, answer) in TinyModel.Pairs)
            Answers.Greedy(model, question).ShouldBe(answer);
    }

    [Fact]
    public void Rows_of_a_file_of_their_own_are_validated_on_and_never_trained_on()
    {
        TinyModel.WriteRows(_folder.At("validation.jsonl"));
        var start = new StartTraining(_folder.At("task"), _folder.At("model"), _folder.At("rows.jsonl"), TinyModel.Config(epochs: 2)) { ValidationRowsFile = _folder.At("validation.jsonl") };
        Directory.CreateDirectory(start.TaskDirectory);
        new TrainingJob(start, _reports.Add, TimeProvider.System).Run(CancellationToken.None).ShouldBeOfType<TrainingCompleted>().ValidationLoss.ShouldNotBeNull();
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.TrainRows, started.ValidationRows).ShouldBe((8, 8));
        // The same rows, and all of them: both losses fall alike.
        _reports.OfType<ValidationResult>().Last().Loss.ShouldBeLessThan(_reports.OfType<ValidationResult>().First().Loss);

        File.WriteAllText(_folder.At("validation.jsonl"), "");
        Should.Throw<EngineException>(() => new TrainingJob(start with { TaskDirectory = _folder.At("model") }, _reports.Add, TimeProvider.System).Run(CancellationToken.None)).Message.ShouldContain("validation.jsonl");
    }

    [Theory]
    [InlineData("FullFineTuning", "auto", false)]
    [InlineData("LoRA", "auto", false)]
    [InlineData("FullFineTuning", "bf16", false)]
    [InlineData("LoRA", "bf16", false)]
    [InlineData("FullFineTuning", "auto", true)]
    [InlineData("LoRA", "auto", true)]
    public void A_stopped_run_resumes_to_the_end_with_the_losses_of_one_that_was_not_stopped(string scale, string precision, bool anyDevice)
    {
        if (anyDevice)
            _operations = new TorchOperations(TorchSharp.torch.CPU);
        var config = TinyModel.Config(scale, epochs: 6) with { ValidationPercent = 25, LoraDropout = 0.2, PromptDropout = 0.3, Precision = precision };
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

    [Theory]
    [InlineData("FullFineTuning")]
    [InlineData("LoRA")]
    public void Training_with_operations_for_any_device_goes_as_with_those_of_the_processor(string scale)
    {
        var config = TinyModel.Config(scale, epochs: 3) with { ValidationPercent = 25, LoraDropout = 0.2 };
        Run("own", config);
        List<double> expected = Losses();
        _operations = new TorchOperations(TorchSharp.torch.CPU);
        Run("torch", config);
        var losses = Losses();
        losses.Count.ShouldBe(expected.Count);
        for (var i = 0; i < losses.Count; i++)
            losses[i].ShouldBe(expected[i], 1e-3);
        File.ReadAllBytes(Directory.EnumerateFiles(_folder.At("torch", "output"), "*.safetensors").Single()).Length
            .ShouldBe(File.ReadAllBytes(Directory.EnumerateFiles(_folder.At("own", "output"), "*.safetensors").Single()).Length);

        List<double> Losses()
        {
            List<double> losses = [.. _reports.OfType<TrainingProgress>().Select(progress => progress.Loss), .. _reports.OfType<ValidationResult>().Select(result => result.Loss)];
            _reports.Clear();
            return losses;
        }
    }

    [Fact]
    public void A_resumed_run_keeps_the_precision_it_began_with()
    {
        var whole = Losses("whole", "bf16", stopAfter: null);
        // Begun where auto took bf16, and gone on with where it takes 32 bits, this model being small.
        Losses("parts", "auto", stopAfter: 0);
        var state = Path.Combine(Directory.EnumerateDirectories(_folder.At("parts", "checkpoints")).Single(), "state.json");
        File.WriteAllText(state, File.ReadAllText(state).Replace("fp32", "bf16", StringComparison.Ordinal));
        Losses("parts", "auto", stopAfter: null).ShouldBe(whole);
        _reports.OfType<TrainingLog>().ShouldContain(log => log.Message.Contains("products in bf16"));
        _reports.OfType<TrainingLog>().Any(log => log.Level == "warning").ShouldBe(!TrainingPrecision.ProcessorGains);
        Losses("exact", "auto", stopAfter: null).ShouldNotBe(whole);
        _reports.OfType<TrainingLog>().ShouldContain(log => log.Message.Contains("products in fp32"));

        List<double> Losses(string task, string precision, int? stopAfter)
        {
            _reports.Clear();
            Run(task, TinyModel.Config(epochs: 3) with { Precision = precision, ValidationPercent = 25 }, stopAfter);
            return [.. _reports.OfType<TrainingProgress>().Select(progress => progress.Loss)];
        }
    }

    [Theory]
    [InlineData(null, false, true, 40, "bf16")]
    [InlineData("auto", false, true, 40, "bf16")]
    [InlineData("auto", false, true, 31, "fp32")]
    [InlineData("auto", false, false, 40, "fp32")]
    [InlineData("auto", true, false, 1, "bf16")]
    [InlineData("fp32", true, true, 40, "fp32")]
    [InlineData("bf16", false, false, 1, "bf16")]
    public void Large_models_are_trained_in_bf16_where_the_hardware_gains(string? wanted, bool onGpu, bool processorGains, int millions, string chosen)
    {
        var shape = TinyModel.Shape() with { VocabularySize = millions * 1_000_000 / 32 };
        TrainingPrecision.Choose(wanted, shape, onGpu, processorGains).ShouldBe(chosen);
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config() with { Precision = "fp8" })).Message.ShouldContain("auto, fp32 or bf16");
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

    [Theory]
    [InlineData("FullFineTuning")]
    [InlineData("LoRA")]
    public void Memory_is_flat_over_a_thousand_steps(string scale)
    {
        var counts = new List<(long Tensors, long Managed)>();
        var before = TorchSharp.torch.Tensor.TotalCount;
        var config = TinyModel.Config(scale, epochs: 500) with { LearningRate = 1e-4, CheckpointSteps = 1_000_000, ActivationCheckpointing = scale == "LoRA" };
        new TrainingJob(new StartTraining(_folder.At("task"), _folder.At("model"), _folder.At("rows.jsonl"), config), Report, TimeProvider.System)
            .Run(TestContext.Current.CancellationToken).ShouldBeOfType<TrainingCompleted>().Steps.ShouldBe(1000);
        TorchSharp.torch.Tensor.TotalCount.ShouldBe(before);
        counts.Select(count => count.Tensors).Distinct().ShouldHaveSingleItem();
        (counts[^1].Managed - counts[0].Managed).ShouldBeLessThan(1 << 20);

        void Report(WorkerMessage message)
        {
            if (message is TrainingProgress { Step: var step } && step >= 300 && step % 100 == 0)
                counts.Add((TorchSharp.torch.Tensor.TotalCount, GC.GetTotalMemory(forceFullCollection: true)));
        }
    }

    [Fact]
    public void A_training_that_does_not_fit_takes_fewer_tokens_at_once_and_is_refused_only_then()
    {
        var shape = ModelShape.Read(_folder.At("model"));
        var config = TinyModel.Config();
        var all = TrainingMemory.Estimate(shape, config, TrainingMemory.MostPassTokens, 40);
        TrainingMemory.PassTokens(shape, config, 40, all, known: null).ShouldBe(TrainingMemory.MostPassTokens);
        TrainingMemory.PassTokens(shape, config, 40, all - 1, known: null).ShouldBe(TrainingMemory.MostPassTokens / 2);
        TrainingMemory.PassTokens(shape, config, 40, TrainingMemory.Estimate(shape, config, 40, 40), known: null).ShouldBeInRange(20, 40);
        Should.Throw<EngineException>(() => TrainingMemory.PassTokens(shape, config, 40, TrainingMemory.Estimate(shape, config, 40, 40) - 1, known: null)).Code.ShouldBe(WorkerErrors.OutOfMemory);
        // Going on, it takes as many as before or nothing.
        Should.Throw<EngineException>(() => TrainingMemory.PassTokens(shape, config, 40, all - 1, known: TrainingMemory.MostPassTokens)).Code.ShouldBe(WorkerErrors.OutOfMemory);

        Should.Throw<EngineException>(() => new TrainingJob(new StartTraining(_folder.At("small"), _folder.At("model"), _folder.At("rows.jsonl"), config), _reports.Add, TimeProvider.System, memory: 1 << 20)
            .Run(TestContext.Current.CancellationToken)).Code.ShouldBe(WorkerErrors.OutOfMemory);
    }

    [Fact]
    public void A_seed_gives_the_same_losses_and_weights_each_time_and_another_seed_others()
    {
        var config = TinyModel.Config("LoRA", 3) with { LoraDropout = 0.1 };
        Run("first", config);
        var first = Losses();
        Run("again", config);
        Losses().ShouldBe(first);
        File.ReadAllBytes(_folder.At("again", "output", PeftAdapter.WeightsFile)).ShouldBe(File.ReadAllBytes(_folder.At("first", "output", PeftAdapter.WeightsFile)));
        Run("other", config with { Seed = 43 });
        Losses().ShouldNotBe(first);

        List<double> Losses()
        {
            List<double> losses = [.. _reports.OfType<TrainingProgress>().Select(progress => progress.Loss)];
            _reports.Clear();
            return losses;
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral, window")]
    [InlineData("qwen3, biases")]
    public void Packed_rows_have_the_losses_of_rows_apart(string kind)
    {
        TinyModel.Write(_folder.At("model"), TinyModel.Shape(kind));
        var config = TinyModel.Config(epochs: 3) with { ValidationPercent = 25, BatchSize = 6 };
        Run("apart", config);
        var apart = Losses();
        Run("packed", config with { Packing = true });
        var packed = Losses();
        packed.Count.ShouldBe(apart.Count);
        for (var i = 0; i < apart.Count; i++)
            packed[i].ShouldBe(apart[i], 1e-4);

        List<double> Losses()
        {
            List<double> losses = [.. _reports.OfType<TrainingProgress>().Select(progress => progress.Loss), .. _reports.OfType<ValidationResult>().Select(result => result.Loss)];
            _reports.Clear();
            return losses;
        }
    }

    [Fact]
    public void Packing_saves_padding()
    {
        var rows = Enumerable.Range(1, 20).Select(length => new EncodedRow([.. Enumerable.Range(0, length * 5)], [.. Enumerable.Repeat(1f, length * 5)])).ToList();
        var packed = Batch.Parts(rows, 4096, packing: true);
        var apart = Batch.Parts(rows, 4096);
        packed.Sum(batch => batch.Tokens.Length).ShouldBeLessThan(apart.Sum(batch => batch.Tokens.Length) * 7 / 10);
        packed.Sum(batch => batch.Positions.Length).ShouldBe(apart.Sum(batch => batch.Positions.Length));
        packed.Sum(batch => batch.TokenCount).ShouldBe(apart.Sum(batch => batch.TokenCount));
    }

    [Fact]
    public void Accumulated_gradients_are_those_of_a_larger_batch()
    {
        Run("large", TinyModel.Config(epochs: 2) with { BatchSize = 8 });
        var large = _reports.OfType<TrainingProgress>().Select(progress => progress.Loss).ToList();
        _reports.Clear();
        Run("small", TinyModel.Config(epochs: 2) with { BatchSize = 2, GradientAccumulationSteps = 4 });
        _reports.OfType<TrainingProgress>().Select(progress => progress.Loss).ShouldBe(large);
    }

    [Fact]
    public void LoRA_adapts_the_layers_that_it_is_told_and_goes_on_only_with_the_same()
    {
        var config = TinyModel.Config("LoRA") with { LoraTargetModules = ["q_proj", "v_proj"] };
        Run("task", config);
        using (var file = SafetensorsFile.Open(_folder.At("task", "output", PeftAdapter.WeightsFile)))
        {
            file.Tensors.Count.ShouldBe(8);
            file.Tensors.Keys.ShouldAllBe(name => name.Contains("q_proj") || name.Contains("v_proj"));
        }
        File.ReadAllText(_folder.At("task", "output", PeftAdapter.ConfigFile)).ShouldNotContain("gate_proj");
        _reports.OfType<TrainingStarted>().Single().TrainableParameters.ShouldBe(2 * (8 * (32 + 40) + 8 * (32 + 20)));
        Run("on", config with { StartFromDirectory = _folder.At("task", "output") }).ShouldBeOfType<TrainingCompleted>();
        Should.Throw<EngineException>(() => Run("other", config with { StartFromDirectory = _folder.At("task", "output"), LoraTargetModules = null })).Message.ShouldContain("same layers");
        Should.Throw<EngineException>(() => Run("wrong", config with { LoraTargetModules = ["lm_head"] })).Message.ShouldContain("q_proj, k_proj");
    }

    [Fact]
    public void Training_ends_early_when_validation_gets_no_better_and_the_best_weights_are_written()
    {
        // Six rows learnt by heart: the two held out are soon worse for it.
        var config = TinyModel.Config(epochs: 60) with { ValidationPercent = 25, EarlyStopPatience = 3, KeepBest = true, WeightDecay = 0 };
        var completed = Run("task", config).ShouldBeOfType<TrainingCompleted>();
        var validations = _reports.OfType<ValidationResult>().ToList();
        var best = validations.MinBy(result => result.Loss)!;
        completed.StoppedEarly.ShouldBeTrue();
        completed.Steps.ShouldBeLessThan(120);
        (completed.BestStep, completed.ValidationLoss).ShouldBe((best.Step, best.Loss));
        validations[^4].ShouldBe(best);
        File.ReadAllText(_folder.At("task", "output", "README.md")).ShouldContain("steps");

        // What was written has the loss of the best validation, and not of the last.
        _reports.Clear();
        Run("check", TinyModel.Config(epochs: 1) with { ValidationPercent = 25, StartFromDirectory = _folder.At("task", "output") });
        _reports.OfType<ValidationResult>().First().Loss.ShouldBe(best.Loss, 1e-4);

        _reports.Clear();
        (Run("task", config).ShouldBeOfType<TrainingCompleted>() with { Seconds = 0 }).ShouldBe(completed with { Seconds = 0 });
    }

    [Fact]
    public void A_stop_and_a_resume_change_nothing_about_the_best_weights()
    {
        var config = TinyModel.Config(epochs: 30) with { ValidationPercent = 25, EarlyStopPatience = 2, KeepBest = true };
        var whole = Run("whole", config).ShouldBeOfType<TrainingCompleted>();
        Run("parts", config, stopAfter: 4);
        var parts = Run("parts", config).ShouldBeOfType<TrainingCompleted>();
        (parts with { Seconds = 0 }).ShouldBe(whole with { Seconds = 0 });
        File.ReadAllBytes(_folder.At("parts", "output", WeightFiles.SingleFile)).ShouldBe(File.ReadAllBytes(_folder.At("whole", "output", WeightFiles.SingleFile)));
    }

    [Fact]
    public void A_training_that_stays_worse_than_guessing_is_called_diverged()
    {
        // One question with ever other answers can't be learnt by heart; steps this large only make it worse.
        File.WriteAllLines(_folder.At("rows.jsonl"), TinyModel.Pairs.Select(pair => WorkerLine.Write(new TrainingRow([new("user", "Why?"), new("assistant", pair.Answer)]))));
        var refusal = Should.Throw<EngineException>(() => Run("task", TinyModel.Config(epochs: 100) with { BatchSize = 1, LearningRate = 1, WarmupRatio = 0, Scheduler = "constant", WeightDecay = 0 }));
        refusal.Code.ShouldBe(WorkerErrors.Diverged);
        refusal.Message.ShouldContain("blind guessing");
    }

    [Fact]
    public void The_output_of_a_base_model_names_the_token_that_ends_an_answer()
    {
        var special = Text.TextTokenizer.Read(_folder.At("model")).SpecialTokens;
        File.WriteAllText(_folder.At("model", "generation_config.json"), $"{{\"temperature\":0.6,\"eos_token_id\":{special["<|endoftext|>"]}}}");
        Run("task", TinyModel.Config(epochs: 1));
        Text.StopTokens.Read(_folder.At("task", "output")).ShouldBe([special["<|endoftext|>"], special["<|im_end|>"]], ignoreOrder: true);
        File.ReadAllText(_folder.At("task", "output", "generation_config.json")).ShouldContain("0.6");
    }

    [Fact]
    public void The_output_says_what_it_came_from()
    {
        Run("task", TinyModel.Config());
        using var file = SafetensorsFile.Open(_folder.At("task", "output", WeightFiles.SingleFile));
        var card = File.ReadAllText(_folder.At("task", "output", "README.md"));
        file.Metadata["qianfan.rows_sha256"].Length.ShouldBe(64);
        card.ShouldContain(file.Metadata["qianfan.rows_sha256"]);
        card.ShouldContain($"| steps | {file.Metadata["qianfan.steps"]} |");
        card.ShouldContain("base_model: \"model\"");
    }

    private WorkerMessage Run(string task, TrainingConfig config, int? stopAfter = null)
    {
        using var stop = new CancellationTokenSource();
        return new TrainingJob(new StartTraining(_folder.At(task), _folder.At("model"), _folder.At("rows.jsonl"), config), Report, TimeProvider.System, operations: _operations).Run(stop.Token);

        void Report(WorkerMessage message)
        {
            _reports.Add(message);
            if (message is TrainingProgress progress && progress.Step == stopAfter || message is TrainingStarted && stopAfter == 0)
                stop.Cancel();
        }
    }
}
