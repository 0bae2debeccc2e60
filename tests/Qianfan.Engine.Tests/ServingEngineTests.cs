using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ServingEngineTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _sent = [];
    private readonly ServingEngine _engine;
    private readonly ServedModel _model;

    public ServingEngineTests()
    {
        TinyModel.Write(_folder.Path);
        _model = ServedModel.Load(_folder.Path, null, 1);
        _engine = new ServingEngine(_sent.Add);
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
        model.StopTokens.ShouldBe([special["<|endoftext|>"]]);
        model.ChatStopTokens.ShouldBe([special["<|endoftext|>"], special["<|im_end|>"]], ignoreOrder: true);
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
}
