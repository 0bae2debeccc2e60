using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ServingEngineTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _sent = [];
    private readonly PagePool _pool = new(16 << 20);
    private readonly ServingEngine _engine;
    private readonly ServedModel _model;

    public ServingEngineTests()
    {
        TinyModel.Write(_folder.Path);
        _model = ServedModel.Load(_folder.Path, null, 1);
        _engine = new ServingEngine(_sent.Add, _pool);
        _engine.Add(new LoadModel("load", "m", _folder.Path), _model);
    }

    public void Dispose() => _folder.Dispose();

    private static Generate Ask(string id, string prompt, int tokens = 6, double temperature = 0, params string[] stop) =>
        new(id, "m", null, prompt, new SamplingConfig { MaxTokens = tokens, Temperature = temperature, Seed = 1, Stop = stop });

    private void RunToTheEnd()
    {
        while (_engine.HasWork)
            _engine.Step();
    }

    private List<DecodedSlot> Lines(string id) => [.. _sent.OfType<DecodeStep>().SelectMany(step => step.Slots).Where(slot => slot.RequestId == id)];

    private string Text(string id) => string.Concat(Lines(id).Select(line => line.Text));

    [Fact]
    public void Requests_together_get_what_each_gets_alone_and_share_their_lines()
    {
        string[] prompts = ["The sky", "天空", "What is the color of the sky? What is the capital of France?", "I"];
        foreach (var (prompt, i) in prompts.Select((prompt, i) => (prompt, i)))
        {
            _engine.Handle(Ask($"alone{i}", prompt, 8, 0.9));
            RunToTheEnd();
        }
        var steps = _sent.OfType<DecodeStep>().Count();
        for (var i = 0; i < prompts.Length; i++)
            _engine.Handle(Ask($"together{i}", prompts[i], 8, 0.9));
        RunToTheEnd();
        (_sent.OfType<DecodeStep>().Count() - steps).ShouldBeLessThanOrEqualTo(9);
        for (var i = 0; i < prompts.Length; i++)
        {
            Text($"together{i}").ShouldBe(Text($"alone{i}"));
            Lines($"together{i}")[^1].FinishReason.ShouldNotBeNull();
            Lines($"together{i}").Count(line => line.FinishReason is not null).ShouldBe(1);
        }
    }

    [Fact]
    public void A_long_prompt_does_not_keep_others_waiting()
    {
        var prompt = string.Concat(Enumerable.Repeat("x天", 22));
        for (var i = 0; i < 4; i++)
            _engine.Handle(Ask($"long{i}", prompt, 2));
        _engine.Handle(Ask("short", "I", 2));
        RunToTheEnd();
        for (var i = 0; i < 4; i++)
            Lines($"long{i}")[^1].CompletionTokens.ShouldBeGreaterThan(0);
        Lines("short")[^1].PromptTokens.ShouldBe(1);
    }

    [Fact]
    public void An_answer_ends_at_the_token_limit_or_at_the_context()
    {
        _engine.Handle(Ask("short", "The sky", 3));
        _engine.Handle(Ask("endless", "The sky", 100_000));
        RunToTheEnd();
        var line = Lines("short")[^1];
        if (line.FinishReason == "length")
            line.CompletionTokens.ShouldBe(3);
        var last = Lines("endless")[^1];
        (last.PromptTokens + last.CompletionTokens).ShouldBeLessThanOrEqualTo(96);
    }

    [Fact]
    public void A_stop_text_ends_the_answer_and_is_not_part_of_it()
    {
        _engine.Handle(Ask("free", "The sky", 20));
        RunToTheEnd();
        var free = Text("free");
        free.Length.ShouldBeGreaterThan(4);
        var stop = free.Substring(2, 2);
        _engine.Handle(Ask("stopped", "The sky", 20, 0, stop));
        RunToTheEnd();
        Text("stopped").ShouldBe(free[..free.IndexOf(stop, StringComparison.Ordinal)]);
        Lines("stopped")[^1].FinishReason.ShouldBe("stop");
    }

    [Fact]
    public void A_conversation_ends_with_the_templates_token_even_if_the_models_files_do_not_name_it()
    {
        var special = _model.Tokenizer.SpecialTokens;
        File.WriteAllText(_folder.At("generation_config.json"), $"{{\"eos_token_id\":{special["<|endoftext|>"]}}}");
        var model = ServedModel.Load(_folder.Path, null, 1);
        model.Base.StopTokens.ShouldBe([special["<|endoftext|>"]]);
        model.Base.ChatStopTokens.ShouldBe([special["<|endoftext|>"], special["<|im_end|>"]], ignoreOrder: true);
        // A model that says nothing but that token.
        var shape = model.Shape;
        var weights = TinyModel.Weights(shape);
        var embedding = weights[WeightNames.Embedding];
        for (var token = 0; token < shape.VocabularySize; token++)
        {
            for (var i = 0; i < shape.HiddenSize; i++)
                embedding[token * shape.HiddenSize + i] = i == 0 ? (token == special["<|im_end|>"] ? 50 : 1) : 0;
        }
        foreach (var name in shape.Weights().Select(weight => weight.Name).Where(name => name.Contains("o_proj", StringComparison.Ordinal) || name.Contains("down_proj", StringComparison.Ordinal)))
            Array.Clear(weights[name]);
        Array.Fill(weights[WeightNames.Norm], 1);
        TinyModel.WriteWeights(_folder.Path, shape, weights);
        _engine.Add(new LoadModel("load", "m", _folder.Path), ServedModel.Load(_folder.Path, null, 1));
        _engine.Handle(new Generate("chat", "m", [new("user", "I")], null, new SamplingConfig { MaxTokens = 5, Temperature = 0 }));
        _engine.Handle(Ask("plain", "I", 5));
        RunToTheEnd();
        (Lines("chat")[^1].FinishReason, Lines("chat")[^1].CompletionTokens).ShouldBe(("stop", 1));
        Lines("plain")[^1].FinishReason.ShouldBe("length");
    }

    [Fact]
    public void A_cancelled_request_ends_within_one_step()
    {
        _engine.Handle(Ask("a", "The sky", 50));
        _engine.Handle(Ask("b", "The cat", 3));
        _engine.Step();
        _engine.Handle(new CancelRequest("a"));
        _engine.Handle(new CancelRequest("unknown"));
        _engine.Step();
        Lines("a")[^1].FinishReason.ShouldBe("cancelled");
        RunToTheEnd();
        Lines("b")[^1].FinishReason.ShouldNotBe("cancelled");
        Lines("a").Count(line => line.FinishReason is not null).ShouldBe(1);
    }

    [Fact]
    public void A_cancelled_request_that_waits_ends_within_one_step_too()
    {
        for (var i = 0; i < ServingEngine.MostActive + 3; i++)
            _engine.Handle(Ask($"r{i}", "The sky", 5));
        var waiting = $"r{ServingEngine.MostActive + 1}";
        _engine.Step();
        _engine.Handle(new CancelRequest(waiting));
        _engine.Step();
        Lines(waiting).Single().ShouldBe(new DecodedSlot(waiting, "", Lines("r0")[0].PromptTokens, 0, "cancelled"));
        RunToTheEnd();
        Lines(waiting).Count.ShouldBe(1);
    }

    [Fact]
    public void Wrong_requests_are_answered_with_their_reason()
    {
        _engine.Handle(Ask("empty", ""));
        _engine.Handle(new Generate("none", "m", null, null, new SamplingConfig()));
        _engine.Handle(new Generate("blank", "m", [new("user", "  ")], null, new SamplingConfig()));
        _engine.Handle(new Generate("role", "m", [new("robot", "x")], null, new SamplingConfig()));
        _engine.Handle(new Generate("hot", "m", null, "x", new SamplingConfig { Temperature = -3 }));
        _engine.Handle(Ask("long", string.Concat(Enumerable.Repeat("天", 200))));
        _engine.Handle(new Generate("huge", "m", [new("user", new string('x', 5_000_000))], null, new SamplingConfig()));
        _engine.Handle(new Generate("other", "unknown", null, "x", new SamplingConfig()));
        _engine.Handle(new Embed("void", "m", [""]));
        _engine.HasWork.ShouldBeFalse();
        _sent.OfType<RequestFailed>().ToDictionary(failed => failed.RequestId, failed => failed.Code).ShouldBe(new Dictionary<string, string>
        {
            ["empty"] = WorkerErrors.InvalidArgument,
            ["none"] = WorkerErrors.InvalidArgument,
            ["blank"] = WorkerErrors.InvalidArgument,
            ["role"] = WorkerErrors.InvalidArgument,
            ["hot"] = WorkerErrors.InvalidArgument,
            ["long"] = WorkerErrors.ContextLength,
            ["huge"] = WorkerErrors.ContextLength,
            ["other"] = WorkerErrors.ModelNotFound,
            ["void"] = WorkerErrors.InvalidArgument,
        }, ignoreOrder: true);
    }

    [Fact]
    public void Unloading_ends_what_still_uses_the_model()
    {
        _engine.Handle(Ask("a", "The sky", 50));
        _engine.Step();
        _engine.Handle(Ask("b", "The sky", 50));
        _engine.Handle(new Embed("e", "m", ["x"]));
        _engine.Handle(new UnloadModel("m"));
        _engine.HasWork.ShouldBeFalse();
        _sent.OfType<RequestFailed>().Select(failed => (failed.RequestId, failed.Code)).ShouldBe([("a", WorkerErrors.ModelUnloaded), ("b", WorkerErrors.ModelUnloaded), ("e", WorkerErrors.ModelUnloaded)]);
    }

    [Fact]
    public void More_requests_than_fit_wait_their_turn_and_far_too_many_are_refused()
    {
        for (var i = 0; i < ServingEngine.MostWaiting + 1; i++)
            _engine.Handle(Ask($"r{i}", "I", 1));
        _sent.OfType<RequestFailed>().Single().Code.ShouldBe(WorkerErrors.Overloaded);
        RunToTheEnd();
        _sent.OfType<DecodeStep>().SelectMany(step => step.Slots).Count(slot => slot.FinishReason is not null).ShouldBe(ServingEngine.MostWaiting);
        _sent.OfType<DecodeStep>().Max(step => step.Slots.Count).ShouldBe(ServingEngine.MostActive);
    }

    [Fact]
    public void Embeddings_have_length_one_and_tell_texts_apart()
    {
        _engine.Handle(new Embed("e", "m", ["The sky is blue.", "你好", "The sky is blue."]));
        RunToTheEnd();
        var answer = _sent.OfType<Embedded>().Single();
        answer.Vectors.Count.ShouldBe(3);
        foreach (var vector in answer.Vectors)
            vector.Sum(value => (double)value * value).ShouldBe(1, 1e-4);
        answer.Vectors[0].ShouldBe(answer.Vectors[2]);
        answer.Vectors[0].ShouldNotBe(answer.Vectors[1]);
        answer.PromptTokens.ShouldBe(2 * _model.Tokenizer.Encode("The sky is blue.").Count + _model.Tokenizer.Encode("你好").Count);
    }

    [Fact]
    public void A_cancelled_embedding_ends_at_once_and_gives_its_room_back()
    {
        // Its context holds more than goes through a model in a step.
        using var folder = new TestFolder();
        TinyModel.Write(folder.Path, TinyModel.Shape() with { ContextLength = 512 });
        _engine.Add(new LoadModel("long", "long", folder.Path), ServedModel.Load(folder.Path, null, 1));
        _engine.Handle(new Embed("begun", "long", [string.Concat(Enumerable.Repeat("x天", 100)), "x"]));
        _engine.Handle(new Embed("waits", "m", ["The sky"]));
        _engine.Handle(new Embed("stays", "m", ["The sky"]));
        _engine.Step();
        (_pool.UsedBytes + _pool.PromisedBytes).ShouldBeGreaterThan(0);
        _engine.Handle(new CancelRequest("begun"));
        _engine.Handle(new CancelRequest("waits"));
        _sent.OfType<RequestFailed>().Select(failed => (failed.RequestId, failed.Code)).ShouldBe([("begun", WorkerErrors.Cancelled), ("waits", WorkerErrors.Cancelled)]);
        (_pool.UsedBytes + _pool.PromisedBytes).ShouldBe(0);
        RunToTheEnd();
        _sent.OfType<Embedded>().Single().RequestId.ShouldBe("stays");
    }

    private static Generate Say(string id, string prompt, SamplingConfig sampling) => new(id, "m", null, prompt, sampling);

    [Fact]
    public void A_conversation_goes_on_from_its_keys_and_values_and_says_the_same()
    {
        List<ChatTurn> turns = [];
        for (var turn = 0; turn < 3; turn++)
        {
            var fresh = new ServingEngine(_sent.Add, new PagePool(1 << 20));
            fresh.Add(new LoadModel("load", "m", _folder.Path), _model);
            turns.Add(new ChatTurn("user", turn == 1 ? "I" : "The sky"));
            var sampling = new SamplingConfig { MaxTokens = 5, Temperature = 0.8, Seed = turn };
            _engine.Handle(new Generate($"kept{turn}", "m", [.. turns], null, sampling));
            RunToTheEnd();
            fresh.Handle(new Generate($"fresh{turn}", "m", [.. turns], null, sampling));
            while (fresh.HasWork)
                fresh.Step();
            fresh.PromptTokensRead.ShouldBe(Lines($"fresh{turn}")[^1].PromptTokens);
            Text($"kept{turn}").ShouldBe(Text($"fresh{turn}"));
            turns.Add(new ChatTurn("assistant", Text($"kept{turn}")));
        }
        var prompts = Enumerable.Range(0, 3).Select(turn => Lines($"kept{turn}")[^1].PromptTokens).ToList();
        var cached = Enumerable.Range(0, 3).Select(turn => Lines($"kept{turn}")[^1].CachedTokens ?? 0).ToList();
        cached[0].ShouldBe(0);
        cached[1].ShouldBeGreaterThanOrEqualTo(prompts[0]);
        cached[2].ShouldBeGreaterThanOrEqualTo(prompts[1]);
        _engine.PromptTokensRead.ShouldBe(prompts.Sum() - cached.Sum());
        Lines("fresh2")[^1].CachedTokens.ShouldBeNull();
    }

    [Fact]
    public void Nothing_holds_a_model_that_was_unloaded()
    {
        var store = new ModelStore(1, _pool);
        var model = ServeAndUnload(store);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        model.IsAlive.ShouldBeFalse();

        // A method of its own: whatever it has had in its hands is let go.
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        WeakReference ServeAndUnload(ModelStore store)
        {
            var load = new LoadModel("load", "n", _folder.Path);
            var served = store.Load(load);
            _engine.Add(load, served);
            _engine.Handle(new Generate("a", "n", null, "The sky", new SamplingConfig { MaxTokens = 12 }));
            RunToTheEnd();
            _engine.Handle(new UnloadModel("n"));
            return new WeakReference(served.Base);
        }
    }

    [Fact]
    public void Whoever_decodes_gets_a_token_with_each_step_while_a_long_prompt_is_read()
    {
        using var folder = new TestFolder();
        TinyModel.Write(folder.Path, TinyModel.Shape() with { ContextLength = 1000 });
        _engine.Add(new LoadModel("load", "m", folder.Path), ServedModel.Load(folder.Path, null, 1));
        _engine.Handle(Ask("decodes", "The sky", 900));
        _engine.Step();
        _engine.Handle(Ask("long", string.Concat(Enumerable.Repeat("x天", 180)), 1));
        _engine.Handle(new Embed("embed", "m", [string.Concat(Enumerable.Repeat("x天", 180))]));
        var steps = 0;
        while (Lines("long").Count == 0 || !_sent.OfType<Embedded>().Any())
        {
            var before = Lines("decodes").Count;
            var read = _engine.PromptTokensRead;
            _engine.Step();
            steps++;
            Lines("decodes").Count.ShouldBe(before + 1);
            (_engine.PromptTokensRead - read).ShouldBeLessThanOrEqualTo(128);
        }
        steps.ShouldBeGreaterThan(3);
    }

    [Fact]
    public void Requests_of_several_adapters_go_together_and_each_gets_what_its_merged_model_says()
    {
        var shape = _model.Shape;
        var engine = new ServingEngine(_sent.Add, _pool);
        var store = new ModelStore(1, _pool);
        string?[] adapters = [null, "one", "two"];
        var plain = _sent.Count;
        foreach (var name in adapters)
        {
            if (name is not null)
                WriteAdapter(_folder.At(name), shape, seed: name.Length * 31 + name[0]);
            var load = new LoadModel($"load {name}", $"m {name}", _folder.Path, name is null ? null : _folder.At(name));
            engine.Add(load, store.Load(load));
        }
        var models = _sent.Skip(plain).OfType<ModelLoaded>().ToList();
        models[1].MemoryBytes.ShouldBeGreaterThan(models[0].MemoryBytes);
        foreach (var name in adapters)
            engine.Handle(new Generate($"r {name}", $"m {name}", null, "The sky", new SamplingConfig { MaxTokens = 12, Temperature = 0, Logprobs = 5 }));
        var steps = 0;
        for (; engine.HasWork; steps++)
            engine.Step();
        steps.ShouldBeLessThanOrEqualTo(12);
        _sent.OfType<DecodeStep>().Max(step => step.Slots.Count).ShouldBe(3);
        foreach (var name in adapters)
        {
            var weights = new Dictionary<string, float[]>(StringComparer.Ordinal);
            using (var files = WeightFiles.Open(_folder.Path))
                weights = files.ReadAll(shape);
            if (name is not null)
                PeftAdapter.Read(_folder.At(name), shape).MergeInto(weights);
            using var merged = new TestFolder();
            TinyModel.Write(merged.Path);
            TinyModel.WriteWeights(merged.Path, shape, weights);
            _engine.Add(new LoadModel("load", "m", merged.Path), ServedModel.Load(merged.Path, null, 1));
            _engine.Handle(Say($"merged {name}", "The sky", new SamplingConfig { MaxTokens = 12, Temperature = 0, Logprobs = 5 }));
            RunToTheEnd();
            var (expected, actual) = (Lines($"merged {name}"), Lines($"r {name}"));
            actual.Select(line => line.Text).ShouldBe(expected.Select(line => line.Text));
            foreach (var (a, e) in actual.Zip(expected))
                a.Logprob!.Logprob.ShouldBe(e.Logprob!.Logprob, 1e-3);
        }
        Text("r one").ShouldNotBe(Text("r "));
        Text("r two").ShouldNotBe(Text("r one"));
    }

    private static void WriteAdapter(string directory, ModelShape shape, long seed)
    {
        var random = new SeededRandom(seed);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, PeftAdapter.ConfigFile), PeftAdapter.ConfigJson("base", 3, 6, 0));
        var writer = new SafetensorsWriter();
        foreach (var (name, outputs, inputs) in Enumerable.Range(0, shape.Layers).SelectMany(shape.Linears))
        {
            writer.Add(WeightNames.LoraA(name), [3, inputs], WeightFormat.F32, Random(3 * inputs));
            writer.Add(WeightNames.LoraB(name), [outputs, 3], WeightFormat.F32, Random(outputs * 3));
        }
        writer.Write(Path.Combine(directory, PeftAdapter.WeightsFile));

        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.2 * random.NextNormal()))];
    }

    [Fact]
    public void Adapters_share_the_model_below_them_until_its_files_change()
    {
        WriteAdapter(_folder.At("one"), _model.Shape, 1);
        var store = new ModelStore(1, _pool);
        var plain = store.Load(new LoadModel("a", "a", _folder.Path));
        store.Load(new LoadModel("b", "b", _folder.Path, _folder.At("one"))).Base.ShouldBeSameAs(plain.Base);
        store.Load(new LoadModel("c", "c", _folder.Path, Weights: "int8")).Base.ShouldNotBeSameAs(plain.Base);
        File.AppendAllText(_folder.At("config.json"), " ");
        store.Load(new LoadModel("d", "d", _folder.Path)).Base.ShouldNotBeSameAs(plain.Base);
        Should.Throw<EngineException>(() => store.Load(new LoadModel("e", "e", _folder.Path, Weights: "int4"))).Message.ShouldContain("int4");
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("int8")]
    public void Other_weights_answer_the_same_together_and_alone(string weights)
    {
        var load = new LoadModel("load", "m", _folder.Path, Weights: weights);
        var model = new ModelStore(1, _pool).Load(load);
        model.MemoryBytes.ShouldBeLessThan(_model.MemoryBytes * 3 / 4);
        _engine.Add(load, model);
        Requests_together_get_what_each_gets_alone_and_share_their_lines();
    }

    [Fact]
    public void A_bias_for_a_token_that_the_model_has_not_is_refused()
    {
        foreach (var token in new[] { -1, 1 << 30 })
        {
            var id = $"r {token}";
            _engine.Handle(Say(id, "The sky", new SamplingConfig { MaxTokens = 1, LogitBias = new Dictionary<int, double> { [token] = 1 } }));
            _sent.OfType<RequestFailed>().Single(failed => failed.RequestId == id).Message.ShouldContain("logitBias");
        }
    }

    [Fact]
    public void Log_probabilities_come_with_each_token_and_its_alternatives()
    {
        _engine.Handle(Say("r", "The sky", new SamplingConfig { MaxTokens = 4, Temperature = 0, Logprobs = 3 }));
        RunToTheEnd();
        Lines("r").Count.ShouldBe(4);
        foreach (var line in Lines("r"))
        {
            line.Logprob!.Top!.Count.ShouldBe(3);
            line.Logprob.Top[0].Logprob.ShouldBe(line.Logprob.Logprob);
            line.Logprob.Top[0].Token.ShouldBe(line.Logprob.Token);
            line.Logprob.Top[1].Logprob.ShouldBeLessThanOrEqualTo(line.Logprob.Logprob);
            line.Logprob.Bytes.ShouldNotBeNull();
            var sent = WorkerLine.ReadWorker(WorkerLine.Write(new DecodeStep([line]))).ShouldBeOfType<DecodeStep>().Slots.Single();
            sent.Logprob!.Top!.Count.ShouldBe(3);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(25)]
    [InlineData(60)]
    public void An_object_is_whole_whatever_the_token_limit(int tokens)
    {
        for (var seed = 0; seed < 8; seed++)
        {
            _engine.Handle(Say($"json{seed}", "The sky", new SamplingConfig { MaxTokens = tokens, Temperature = 3, Seed = seed, ResponseFormat = "json_object" }));
        }
        RunToTheEnd();
        _sent.OfType<RequestFailed>().ShouldBeEmpty();
        for (var seed = 0; seed < 8; seed++)
        {
            using var document = System.Text.Json.JsonDocument.Parse(Text($"json{seed}"));
            document.RootElement.ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Object);
            Lines($"json{seed}")[^1].FinishReason.ShouldBe("stop");
        }
    }

    [Fact]
    public void An_answer_keeps_to_its_schema_and_one_that_can_not_be_completed_is_cut()
    {
        using var schema = System.Text.Json.JsonDocument.Parse("""{"type":"object","properties":{"color":{"enum":["red","blue"]},"count":{"type":"integer"}},"required":["color","count"]}""");
        for (var seed = 0; seed < 8; seed++)
            _engine.Handle(Say($"json{seed}", "The sky", new SamplingConfig { MaxTokens = 40, Temperature = 2, Seed = seed, ResponseFormat = "json_schema", JsonSchema = schema.RootElement }));
        _engine.Handle(Say("cut", "The sky", new SamplingConfig { MaxTokens = 4, Temperature = 0, ResponseFormat = "json_schema", JsonSchema = schema.RootElement }));
        RunToTheEnd();
        _sent.OfType<RequestFailed>().ShouldBeEmpty();
        for (var seed = 0; seed < 8; seed++)
        {
            using var document = System.Text.Json.JsonDocument.Parse(Text($"json{seed}"));
            document.RootElement.GetProperty("color").GetString().ShouldBeOneOf("red", "blue");
            document.RootElement.GetProperty("count").GetInt64();
            document.RootElement.EnumerateObject().Count().ShouldBe(2);
        }
        (Lines("cut")[^1].FinishReason, Lines("cut").Count).ShouldBe(("length", 4));
    }
}
