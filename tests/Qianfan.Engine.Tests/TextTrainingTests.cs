using CsCheck;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Text;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Training on texts without form.</summary>
[Collection(TorchTests.Name)]
public sealed class TextTrainingTests : IDisposable
{
    // Each parted where its tokens part too, however much of it is there.
    private static readonly (string Beginning, string After)[] s_parts =
    [
        ("The sky", " is blue, and the garden is full of cats."),
        ("Paris is", " the capital of France. The model learns from the rows."),
        ("How", " the user is, the assistant asks."),
        ("你好", "，天空是蓝色的。"),
        ("In the garden", " of the system learns a cat."),
    ];

    private static readonly string[] s_texts = [.. s_parts.Select(part => part.Beginning + part.After)];

    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _reports = [];

    public TextTrainingTests()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
        WriteTexts("rows.jsonl", s_texts);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("FullFineTuning", 150)]
    [InlineData("LoRA", 250)]
    public void Texts_are_learnt_by_heart_and_continued_word_for_word(string scale, int epochs)
    {
        if (scale == "LoRA")
            TinyModel.Write(_folder.At("model"), embeddingScale: 4);
        var completed = Run("task", TinyModel.Config(scale, epochs) with { BatchSize = 1, LoraRank = 16, LoraAlpha = 32, WeightDecay = 0 }).ShouldBeOfType<TrainingCompleted>();
        completed.OutputKind.ShouldBe(scale == "LoRA" ? "adapter" : "model");
        var model = scale == "LoRA" ? ServedModel.Load(_folder.At("model"), _folder.At("task", "output"), 1) : ServedModel.Load(_folder.At("task", "output"), null, 1);
        foreach (var (beginning, rest) in s_parts)
            Answers.Continued(model, beginning).ShouldBe((rest, "stop"));
    }

    [Fact]
    public void What_is_longer_than_a_sequence_goes_on_in_the_next_one()
    {
        var all = string.Concat(Enumerable.Repeat("The model learns from the rows. The sky is blue. ", 20));
        WriteTexts("rows.jsonl", [all, "How are you?"]);
        var tokenizer = TextTokenizer.Read(_folder.At("model"));
        var tokens = tokenizer.Encode(all).Count + 1 + tokenizer.Encode("How are you?").Count + 1;
        tokens.ShouldBeGreaterThan(96 * 2);

        var completed = Run("task", TinyModel.Config(epochs: 2) with { BatchSize = 2 }).ShouldBeOfType<TrainingCompleted>();
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.TrainRows, started.TrainTokens, started.TruncatedRows).ShouldBe((2, tokens, 0));
        var sequences = (tokens - 1 + 95) / 96;
        started.TotalSteps.ShouldBe((sequences + 1) / 2 * 2);
        // All but the last, which nothing follows, in each epoch.
        completed.Tokens.ShouldBe(2 * (tokens - 1));
    }

    [Theory]
    [InlineData("FullFineTuning")]
    [InlineData("LoRA")]
    public void A_stopped_run_resumes_with_the_losses_of_one_that_was_not_stopped(string scale)
    {
        var config = TinyModel.Config(scale, epochs: 6) with { BatchSize = 2, MaxSequenceLength = 16, ValidationPercent = 25, LoraDropout = 0.2 };
        var whole = Run("whole", config).ShouldBeOfType<TrainingCompleted>();
        var expected = Losses();
        expected.Count.ShouldBeGreaterThan(12);

        _reports.Clear();
        Run("parts", config, stopAfter: 5).ShouldBe(new TrainingStopped(5));
        Run("parts", config, stopAfter: 9).ShouldBe(new TrainingStopped(9));
        var resumed = Run("parts", config).ShouldBeOfType<TrainingCompleted>();
        Losses().ShouldBe(expected);
        (resumed with { Seconds = 0 }).ShouldBe(whole with { Seconds = 0 });

        _reports.Clear();
        Run("other", config with { Seed = 7 });
        Losses().ShouldNotBe(expected);

        List<(int, double, double)> Losses() => [.. _reports.OfType<TrainingProgress>().Distinct().Select(progress => (progress.Step, progress.Loss, progress.GradientNorm))];
    }

    [Fact]
    public void Whole_texts_are_held_out()
    {
        Run("task", TinyModel.Config(epochs: 20) with { BatchSize = 1, ValidationPercent = 40, WeightDecay = 0 });
        var started = _reports.OfType<TrainingStarted>().Single();
        (started.TrainRows, started.ValidationRows).ShouldBe((3, 2));
        var validations = _reports.OfType<ValidationResult>().ToList();
        (validations[0].Step, validations[^1].Step).ShouldBe((0, started.TotalSteps));

        // In a file of their own: the same texts, all of them, fall as those that are learnt.
        _reports.Clear();
        WriteTexts("validation.jsonl", s_texts);
        Run("own", TinyModel.Config(epochs: 20), validation: "validation.jsonl");
        started = _reports.OfType<TrainingStarted>().Single();
        (started.TrainRows, started.ValidationRows).ShouldBe((5, 5));
        _reports.OfType<ValidationResult>().Last().Loss.ShouldBeLessThan(_reports.OfType<ValidationResult>().First().Loss / 2);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral, window")]
    [InlineData("qwen3, biases")]
    public void Texts_that_share_a_sequence_have_the_loss_that_they_have_apart(string kind)
    {
        var shape = TinyModel.Write(_folder.At("model"), TinyModel.Shape(kind));
        using var files = WeightFiles.Open(_folder.At("model"));
        using var network = new LlamaNetwork(shape, files.ReadAll(shape));
        var encoder = RowEncoder.Read(_folder.At("model"));
        var texts = s_texts.Select(text => encoder.Text(text)!).ToList();
        var shared = new TextSequences(texts, 1000);
        shared.Count.ShouldBe(1);
        var apart = texts.SelectMany(text => new TextSequences([text], 1000).Parts([0], 1000)).ToList();
        apart.ShouldAllBe(batch => batch.Owners == null);
        TrainingLoop.MeanLoss(network, shared.Parts([0], 1000), CancellationToken.None)!.Value
            .ShouldBe(TrainingLoop.MeanLoss(network, apart, CancellationToken.None)!.Value, 1e-4);
    }

    [Fact]
    public void Every_token_is_learnt_once_an_epoch_from_what_stands_before_it_in_its_text()
    {
        var cases = Gen.Select(Gen.Int[2, 40].Array[1, 12], Gen.Int[2, 30], Gen.Int[1, 5], Gen.Int[1, 100], Gen.Long[0, 1000]);
        cases.Sample((lengths, length, batchSize, passTokens, seed) =>
        {
            // The number of a text and a token's place in it, in one.
            var texts = lengths.Select((count, text) => new EncodedRow([.. Enumerable.Range(0, count).Select(place => (text + 1) * 1000 + place)], [])).ToList();
            var batches = new TextBatches(texts, length, batchSize, seed, passTokens);
            for (var epoch = 0; epoch < 2; epoch++)
            {
                var parts = Enumerable.Range(epoch * batches.StepsPerEpoch, batches.StepsPerEpoch).Select(batches.At).ToList();
                parts.ShouldAllBe(step => step.Sum(batch => batch.Rows) <= batchSize);
                var all = parts.SelectMany(step => step).ToList();
                all.ShouldAllBe(batch => batch.Rows == 1 || batch.Tokens.Length <= Math.Max(passTokens, length));
                all.SelectMany(batch => batch.Targets).Order().ShouldBe(texts.SelectMany(text => text.Tokens.Skip(1)).Select(token => (long)token).Order());
                all.Sum(batch => batch.TokenCount).ShouldBe(lengths.Sum() - 1);
                // Sequences are full, all but one.
                all.SelectMany(batch => Enumerable.Range(0, batch.Rows).Select(row => Filled(batch, row))).Count(filled => filled < Math.Min(length, lengths.Sum() - 1)).ShouldBeLessThanOrEqualTo(1);
                foreach (var batch in all)
                    Follows(batch);
            }
            batches.At(0).SelectMany(batch => batch.Tokens).ShouldBe(new TextBatches(texts, length, batchSize, seed, passTokens).At(0).SelectMany(batch => batch.Tokens));
        });

        static int Filled(Batch batch, int row) => batch.Tokens.Skip(row * batch.Length).Take(batch.Length).Count(token => token > 0);

        static void Follows(Batch batch)
        {
            for (var i = 0; i < batch.Positions.Length; i++)
                batch.Targets[i].ShouldBe(batch.Tokens[batch.Positions[i]] + 1);
            batch.Weights.ShouldAllBe(weight => weight == 1);
            for (var at = 0; batch.Owners is { } owners && at < owners.Length; at++)
            {
                if (at % batch.Length == 0 || owners[at] != owners[at - 1])
                    batch.Places![at].ShouldBe(0);
                else if (owners[at] >= 0)
                    (batch.Tokens[at] - batch.Tokens[at - 1], batch.Places![at] - batch.Places[at - 1]).ShouldBe((1, 1));
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_of_texts_and_conversations_is_refused_by_the_row(bool textFirst)
    {
        var text = WorkerLine.Write(new TrainingRow(null!) { Text = "The sky is blue." });
        var conversation = WorkerLine.Write(new TrainingRow([new("user", "How are you?"), new("assistant", "I am fine.")]));
        File.WriteAllLines(_folder.At("rows.jsonl"), textFirst ? [text, "", text, conversation] : [conversation, "", conversation, text]);
        var refusal = Should.Throw<EngineException>(() => Run("task", TinyModel.Config()));
        (refusal.Code, refusal.Message).ShouldBe((WorkerErrors.InvalidArgument, refusal.Message));
        refusal.Message.ShouldContain("Row 4 ");
        refusal.Message.ShouldContain(textFirst ? "texts" : "conversations");

        File.WriteAllLines(_folder.At("rows.jsonl"), [textFirst ? text : conversation]);
        File.WriteAllLines(_folder.At("validation.jsonl"), [textFirst ? conversation : text]);
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config(), validation: "validation.jsonl")).Message.ShouldContain("one kind of rows");
    }

    [Fact]
    public void Empty_texts_are_left_out_with_a_warning_and_nothing_else_is_no_training()
    {
        WriteTexts("rows.jsonl", ["", "The sky is blue.", ""]);
        Run("task", TinyModel.Config());
        _reports.OfType<TrainingStarted>().Single().TrainRows.ShouldBe(1);
        _reports.OfType<TrainingLog>().ShouldContain(log => log.Level == "warning" && log.Message.StartsWith("2 rows are empty", StringComparison.Ordinal));

        WriteTexts("rows.jsonl", [""]);
        Should.Throw<EngineException>(() => Run("other", TinyModel.Config())).Code.ShouldBe(WorkerErrors.NoRows);
    }

    [Fact]
    public void A_model_that_has_no_chat_template_learns_texts()
    {
        File.WriteAllText(_folder.At("model", ChatTemplate.FileName), "{}");
        Run("task", TinyModel.Config()).ShouldBeOfType<TrainingCompleted>();
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
        Should.Throw<EngineException>(() => Run("other", TinyModel.Config())).Message.ShouldContain("no chat_template");
    }

    [Fact]
    public void A_text_begins_and_ends_with_the_model_s_own_tokens()
    {
        var special = TextTokenizer.Read(_folder.At("model")).SpecialTokens;
        var plain = TextTokenizer.Read(_folder.At("model")).Encode("The sky");
        // It ends answers with either, and turns of a conversation with one of them.
        File.WriteAllText(_folder.At("model", StopTokens.FileName), $$"""{"eos_token_id":[{{special["<|im_end|>"]}},{{special["<|endoftext|>"]}}]}""");
        RowEncoder.Read(_folder.At("model")).Text("The sky")!.Tokens.ShouldBe([.. plain, special["<|endoftext|>"]]);
        File.WriteAllText(_folder.At("model", StopTokens.FileName), $$"""{"eos_token_id":{{special["<|im_end|>"]}}}""");
        RowEncoder.Read(_folder.At("model")).Text("The sky")!.Tokens.ShouldBe([.. plain, special["<|im_end|>"]]);

        var tokenizer = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(_folder.At("model", TokenizerJson.FileName)))!;
        tokenizer["post_processor"] = System.Text.Json.Nodes.JsonNode.Parse("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|im_start|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}""");
        File.WriteAllText(_folder.At("model", TokenizerJson.FileName), tokenizer.ToJsonString());
        RowEncoder.Read(_folder.At("model")).Text("The sky")!.Tokens.ShouldBe([special["<|im_start|>"], .. plain, special["<|im_end|>"]]);

        File.WriteAllText(_folder.At("model", StopTokens.FileName), "{}");
        var config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(_folder.At("model", ModelConfig.FileName)))!;
        config["eos_token_id"] = null;
        File.WriteAllText(_folder.At("model", ModelConfig.FileName), config.ToJsonString());
        Should.Throw<EngineException>(() => Run("task", TinyModel.Config())).Message.ShouldContain("eos_token_id");
    }

    [Theory]
    [InlineData("FullFineTuning", "FullFineTuning")]
    [InlineData("LoRA", "LoRA")]
    public void Conversations_are_learnt_on_top_of_texts(string texts, string conversations)
    {
        Run("texts", TinyModel.Config(texts, 40) with { BatchSize = 1 });
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
        var config = TinyModel.Config(conversations, 2);
        _reports.Clear();
        Run("fresh", config);
        var fresh = _reports.OfType<TrainingProgress>().First().Loss;
        _reports.Clear();
        Run("on top", config with { StartFromDirectory = _folder.At("texts", "output") }).ShouldBeOfType<TrainingCompleted>();
        // It began with other weights.
        _reports.OfType<TrainingProgress>().First().Loss.ShouldNotBe(fresh);
    }

    [Fact]
    public void The_output_says_that_it_learnt_texts_and_names_no_end_of_a_turn()
    {
        var special = TextTokenizer.Read(_folder.At("model")).SpecialTokens;
        File.WriteAllText(_folder.At("model", StopTokens.FileName), $"{{\"eos_token_id\":{special["<|endoftext|>"]}}}");
        Run("task", TinyModel.Config());
        StopTokens.Read(_folder.At("task", "output")).ShouldBe([special["<|endoftext|>"]]);
        using var file = SafetensorsFile.Open(_folder.At("task", "output", WeightFiles.SingleFile));
        file.Metadata["qianfan.rows"].ShouldBe("texts");
        File.ReadAllText(_folder.At("task", "output", "README.md")).ShouldContain("| kind of rows | texts |");
    }

    [Fact]
    public void Memory_is_asked_for_as_much_as_the_sequences_take()
    {
        // The texts fill a part of the longest sequence that is allowed: no more is reckoned with.
        var shape = TinyModel.Write(_folder.At("model"), TinyModel.Shape() with { ContextLength = 4096 });
        var encoder = RowEncoder.Read(_folder.At("model"));
        WriteTexts("rows.jsonl", ["The sky."]);
        var config = TinyModel.Config() with { BatchSize = 1, MaxSequenceLength = 4096 };
        var tokens = encoder.Text("The sky.")!.Tokens.Count;
        var enough = TrainingMemory.Estimate(shape, config with { Packing = true }, Math.Max(tokens, Batch.PackedLength), Math.Max(tokens, Batch.PackedLength));
        Run("task", config, memory: enough).ShouldBeOfType<TrainingCompleted>();
        WriteTexts("rows.jsonl", [string.Concat(Enumerable.Repeat("The sky.", 3000))]);
        Should.Throw<EngineException>(() => Run("long", config, memory: enough)).Code.ShouldBe(WorkerErrors.OutOfMemory);
    }

    private void WriteTexts(string name, IEnumerable<string> texts) => File.WriteAllLines(_folder.At(name), texts.Select(text => WorkerLine.Write(new TrainingRow(null!) { Text = text })));

    private WorkerMessage Run(string task, TrainingConfig config, int? stopAfter = null, string? validation = null, long? memory = null)
    {
        using var stop = new CancellationTokenSource();
        var start = new StartTraining(_folder.At(task), _folder.At("model"), _folder.At("rows.jsonl"), config) { ValidationRowsFile = validation is null ? null : _folder.At(validation) };
        Directory.CreateDirectory(start.TaskDirectory);
        return new TrainingJob(start, Report, TimeProvider.System, memory).Run(stop.Token);

        void Report(WorkerMessage message)
        {
            _reports.Add(message);
            if (message is TrainingProgress progress && progress.Step == stopAfter)
                stop.Cancel();
        }
    }
}
