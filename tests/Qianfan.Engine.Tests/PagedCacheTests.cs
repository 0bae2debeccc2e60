using CsCheck;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>The memory for keys and values: shared by reference, bounded, and given back.</summary>
public sealed class PagedCacheTests : IDisposable
{
    private static readonly int[] s_first = [.. Enumerable.Range(0, 40).Select(i => i * 7 % 300)];
    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _sent = [];
    private readonly ServedModel _model;
    private readonly long _page;

    public PagedCacheTests()
    {
        _page = sizeof(float) * Page.Size(TinyModel.Write(_folder.Path));
        _model = ServedModel.Load(_folder.Path, null, 1);
    }

    public void Dispose() => _folder.Dispose();

    private ServingEngine Engine(PagePool pool)
    {
        var engine = new ServingEngine(_sent.Add, pool);
        engine.Add(new LoadModel("load", "m", _folder.Path), _model);
        return engine;
    }

    private static Generate Ask(string id, string prompt, int tokens) => new(id, "m", null, prompt, new SamplingConfig { MaxTokens = tokens, Temperature = 0.9, Seed = 1, Logprobs = 0 });

    private List<DecodedSlot> Lines(string id) => [.. _sent.OfType<DecodeStep>().SelectMany(step => step.Slots).Where(slot => slot.RequestId == id)];

    /// <summary>A prompt of so many tokens: each is a byte of its own here.</summary>
    private string Prompt(int tokens, char letter = 'x')
    {
        var prompt = string.Concat(Enumerable.Range(0, tokens / 2).Select(_ => $"{letter}Z"));
        _model.Tokenizer.EncodeWhole(prompt).Count.ShouldBe(tokens);
        return prompt;
    }

    private KeyValueCache Read(int[] tokens, PagePool pool)
    {
        var cache = new KeyValueCache(_model.Shape, pool);
        foreach (var piece in tokens.Chunk(7))
            Hidden(cache, piece);
        return cache;
    }

    private float[] Hidden(KeyValueCache cache, int[] tokens) => _model.Decoder.Forward([new(cache, tokens)])[^_model.Shape.HiddenSize..].ToArray();

    [Theory]
    [InlineData(40)]
    [InlineData(32)]
    [InlineData(30)]
    [InlineData(16)]
    public void Whoever_begins_like_another_shares_its_pages_and_copies_one_at_the_most(int common)
    {
        var pool = new PagePool(100 * _page);
        var first = Read(s_first, pool);
        pool.UsedBytes.ShouldBe(3 * _page);
        var second = new KeyValueCache(_model.Shape, pool);
        second.ShareFrom(first, common);
        pool.UsedBytes.ShouldBe(3 * _page);
        int[] rest = [5, 6];
        var hidden = Hidden(second, rest);
        pool.UsedBytes.ShouldBe(4 * _page);
        // As if it had read everything by itself, and the other as if nobody had shared anything.
        hidden.ShouldBe(Hidden(Read(s_first[..common], pool), rest));
        Hidden(first, [1, 2]).ShouldBe(Hidden(Read(s_first, pool), [1, 2]));
        first.Release();
        Hidden(second, [9]).ShouldBe(Hidden(Read([.. s_first[..common], .. rest], pool), [9]));
    }

    [Fact]
    public void Keys_and_values_taken_over_are_those_that_would_have_been_computed()
    {
        var pool = new PagePool(100 * _page);
        int[] second = [.. s_first[..30], 5, 6, 7];
        var kept = new KeptConversations();
        kept.Keep(_model, s_first, Read(s_first, pool));
        var reused = Find(second);
        reused.Length.ShouldBe(30);
        Hidden(reused, second[30..]).ShouldBe(Hidden(new KeyValueCache(_model.Shape), second));
        // The same prompt again: one token is left to go through the model.
        Find(s_first).Length.ShouldBe(39);
        // Another model's are not its own.
        Find(s_first, ServedModel.On(_model.Base, null)).Length.ShouldBe(0);
        kept.Forget(_model);
        Find(s_first).Length.ShouldBe(0);

        KeyValueCache Find(int[] prompt, ServedModel? model = null)
        {
            var cache = new KeyValueCache(_model.Shape, pool);
            kept.Share(model ?? _model, prompt, cache, []);
            return cache;
        }
    }

    [Fact]
    public void What_was_not_used_for_longest_is_dropped_first()
    {
        var pool = new PagePool(100 * _page);
        var kept = new KeptConversations();
        for (var i = 0; i < 3; i++)
            kept.Keep(_model, Tokens(i), Read(Tokens(i), pool));
        Found(0).ShouldBeTrue();
        kept.DropOldest().ShouldBeTrue();
        (Found(0), Found(1), Found(2)).ShouldBe((true, false, true));
        pool.UsedBytes.ShouldBe(2 * _page);
        kept.DropOldest();
        kept.DropOldest();
        kept.DropOldest().ShouldBeFalse();
        pool.UsedBytes.ShouldBe(0);

        static int[] Tokens(int first) => [.. Enumerable.Range(first * 20, 12)];

        bool Found(int first)
        {
            var cache = new KeyValueCache(_model.Shape, pool);
            kept.Share(_model, [.. Tokens(first), 1], cache, []);
            var found = cache.Length > 0;
            cache.Release();
            return found;
        }
    }

    [Fact]
    public void Memory_that_is_not_used_any_more_serves_models_of_other_shapes()
    {
        var pool = new PagePool(4 * _page);
        var cache = Read(s_first, pool);
        cache.Release();
        (pool.UsedBytes, pool.PromisedBytes, pool.Unused).ShouldBe((0, 0, _page));
        var other = new KeyValueCache(_model.Shape with { Layers = 4 }, pool);
        other.TryPromise(2 * Page.Tokens).ShouldBeTrue();
        other.TryPromise(2 * Page.Tokens + 1).ShouldBeFalse();
        other.Reserve(2 * Page.Tokens);
        (pool.UsedBytes, pool.PromisedBytes, pool.Unused).ShouldBe((4 * _page, 0, 0));
        Should.Throw<InvalidOperationException>(() => other.Reserve(2 * Page.Tokens + 1));
    }

    [Fact]
    public void A_request_that_finds_no_room_for_prompt_and_answer_waits_and_begins_when_another_is_cancelled()
    {
        // Room for two whole sequences.
        var pool = new PagePool(12 * _page);
        var engine = Engine(pool);
        for (var i = 0; i < 3; i++)
            engine.Handle(Ask($"r{i}", Prompt(20, "xyz"[i]), 1000));
        engine.Handle(Ask("small", "I", 1));
        for (var i = 0; i < 5; i++)
            engine.Step();
        (Lines("r0").Count, Lines("r1").Count, Lines("r2").Count).ShouldBe((5, 5, 0));
        // Nobody overtakes: one that needs much would wait for ever.
        Lines("small").ShouldBeEmpty();
        (pool.UsedBytes + pool.PromisedBytes).ShouldBe(12 * _page);
        engine.Handle(new CancelRequest("r1"));
        engine.Step();
        Lines("r1")[^1].FinishReason.ShouldBe("cancelled");
        Lines("r2").Count.ShouldBe(1);
        while (engine.HasWork)
            engine.Step();
        Lines("small")[^1].FinishReason.ShouldBe("length");
        Lines("r2")[^1].FinishReason.ShouldNotBeNull();
        pool.PromisedBytes.ShouldBe(0);
    }

    [Fact]
    public void The_bound_is_announced_and_limits_what_one_sequence_may_have()
    {
        var engine = Engine(new PagePool((3 * _page) + 100));
        var loaded = _sent.OfType<ModelLoaded>().Single();
        (loaded.ContextLength, loaded.CacheBytes).ShouldBe((48, (3 * _page) + 100));
        engine.Handle(Ask("long", Prompt(48), 1));
        engine.Handle(new Embed("text", "m", [Prompt(50)]));
        foreach (var id in (string[])["long", "text"])
        {
            var failed = _sent.OfType<RequestFailed>().Single(failed => failed.RequestId == id);
            failed.Code.ShouldBe(WorkerErrors.ContextLength);
            failed.Message.ShouldContain("48");
        }
        engine.Handle(Ask("fits", Prompt(40), 1000));
        while (engine.HasWork)
            engine.Step();
        Lines("fits")[^1].CompletionTokens.ShouldBeLessThanOrEqualTo(8);
        Engine(new PagePool(_page - 1));
        _sent.OfType<RequestFailed>().Last().Code.ShouldBe(WorkerErrors.OutOfMemory);
    }

    [Fact]
    public void Requests_that_come_together_read_their_common_beginning_once()
    {
        var engine = Engine(new PagePool(100 * _page));
        var system = Prompt(40);
        for (var i = 0; i < 6; i++)
            engine.Handle(Ask($"r{i}", system + new string((char)('a' + i), 3), 2));
        while (engine.HasWork)
            engine.Step();
        // Two whole pages of the first one's.
        Enumerable.Range(0, 6).Select(i => Lines($"r{i}")[^1].CachedTokens ?? 0).ShouldBe([0, 32, 32, 32, 32, 32]);
        engine.PromptTokensRead.ShouldBe(Lines("r0")[^1].PromptTokens + (5 * (Lines("r0")[^1].PromptTokens - 32)));
        // Another conversation later has all of it.
        engine.Handle(Ask("later", system + "!", 2));
        while (engine.HasWork)
            engine.Step();
        Lines("later")[^1].CachedTokens.ShouldBe(40);
    }

    [Fact]
    public void Texts_to_embed_and_requests_wait_for_each_other_without_standing_still()
    {
        var pool = new PagePool(3 * _page);
        var engine = Engine(pool);
        engine.Handle(Ask("before", Prompt(30), 10));
        while (engine.HasWork)
            engine.Step();
        engine.Handle(Ask("under way", Prompt(20, 'y'), 20));
        engine.Step();
        // Begins like the one that is kept, but needs all the room there is.
        engine.Handle(Ask("waits", Prompt(30), 18));
        engine.Handle(new Embed("text", "m", [Prompt(44), Prompt(20)]));
        for (var i = 0; i < 200 && engine.HasWork; i++)
            engine.Step();
        engine.HasWork.ShouldBeFalse();
        Lines("under way")[^1].FinishReason.ShouldNotBeNull();
        Lines("waits")[^1].FinishReason.ShouldNotBeNull();
        _sent.OfType<Embedded>().Single().Vectors.Count.ShouldBe(2);
        pool.PromisedBytes.ShouldBe(0);
    }

    [Fact]
    public void Unloading_gives_all_memory_back()
    {
        var pool = new PagePool(20 * _page);
        var engine = Engine(pool);
        engine.Handle(Ask("done", Prompt(30), 3));
        while (engine.HasWork)
            engine.Step();
        pool.UsedBytes.ShouldBeGreaterThan(0);
        engine.Handle(Ask("under way", Prompt(40, 'y'), 30));
        engine.Handle(new Embed("text", "m", [Prompt(60)]));
        engine.Step();
        engine.Handle(new UnloadModel("m"));
        (pool.UsedBytes, pool.PromisedBytes, pool.Unused).ShouldBe((0, 0, 20 * _page));
    }

    /// <summary>What a caller does: asks or embeds, goes on from an earlier prompt or not, and hangs up after some steps or not.</summary>
    private sealed record Call(int Beginning, int More, int Answer, bool Embeds, int Before, int? CancelledAfter);

    private static readonly Gen<Call> s_calls =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 30], Gen.Int[1, 40], Gen.Int[0, 9], Gen.Int[0, 6], Gen.Int[0, 20], (beginning, more, answer, embeds, before, after) =>
            new Call(beginning, more, answer, embeds == 0, before, after < 10 ? after : null));

    [Fact]
    public void Whatever_callers_do_the_bound_is_kept_nothing_is_lost_and_answers_stay_the_same() =>
        Gen.Select(s_calls.List[1, 25], Gen.Int[6, 30]).Sample((calls, pages) =>
        {
            _sent.Clear();
            var pool = new PagePool(pages * _page);
            var engine = Engine(pool);
            var ends = new List<(int Step, string Id)>();
            var step = 0;
            for (var i = 0; i < calls.Count; i++)
            {
                for (var before = 0; before < calls[i].Before; before++)
                    Step();
                if (calls[i].Embeds)
                    engine.Handle(new Embed($"{i}", "m", [Text(calls[i])]));
                else
                    engine.Handle(Ask($"{i}", Text(calls[i]), calls[i].Answer));
                if (calls[i].CancelledAfter is { } after)
                    ends.Add((step + after, $"{i}"));
            }
            while (engine.HasWork)
                Step();
            pool.PromisedBytes.ShouldBe(0);
            for (var i = 0; i < calls.Count; i++)
            {
                if (calls[i].Embeds)
                {
                    // Called off in time, or answered.
                    var cancelled = _sent.OfType<RequestFailed>().Count(failed => failed.RequestId == $"{i}" && failed.Code == WorkerErrors.Cancelled);
                    (_sent.OfType<Embedded>().Count(embedded => embedded.RequestId == $"{i}") + cancelled).ShouldBe(1);
                    cancelled.ShouldBeLessThanOrEqualTo(calls[i].CancelledAfter is null ? 0 : 1);
                    continue;
                }
                var last = Lines($"{i}")[^1];
                last.FinishReason.ShouldNotBeNull();
                var alone = Alone(calls[i]);
                if (last.FinishReason == "cancelled")
                    Said($"{i}").ShouldBe(alone.Take(last.CompletionTokens));
                else
                    Said($"{i}").ShouldBe(alone);
            }
            engine.Handle(new UnloadModel("m"));
            (pool.UsedBytes, pool.Unused).ShouldBe((0, pool.MostBytes));

            void Step()
            {
                foreach (var (_, id) in ends.Where(end => end.Step == step))
                    engine.Handle(new CancelRequest(id));
                if (engine.HasWork)
                    engine.Step();
                step++;
                (pool.UsedBytes + pool.PromisedBytes).ShouldBeLessThanOrEqualTo(pool.MostBytes);
                pool.PromisedBytes.ShouldBeGreaterThanOrEqualTo(0);
                pool.Unused.ShouldBeGreaterThanOrEqualTo(0);
            }
        }, iter: 40, threads: 1);

    private readonly Dictionary<(int, int, int), List<double>> _alone = [];

    private static string Text(Call call) => ((string[])["xZ", "yZ", "天"])[call.Beginning] + string.Concat(Enumerable.Repeat("Zx", 10)) + new string('q', call.More);

    /// <summary>The log-probabilities of the answer: numbers tell more than text.</summary>
    private List<double> Said(string id) => [.. Lines(id).Where(line => line.Logprob is not null).Select(line => line.Logprob!.Logprob)];

    private List<double> Alone(Call call)
    {
        if (_alone.TryGetValue((call.Beginning, call.More, call.Answer), out var said))
            return said;
        var engine = Engine(new PagePool(6 * _page));
        engine.Handle(Ask("alone", Text(call), call.Answer));
        while (engine.HasWork)
            engine.Step();
        said = Said("alone");
        _sent.RemoveAll(message => message is DecodeStep step && step.Slots[0].RequestId == "alone");
        return _alone[(call.Beginning, call.More, call.Answer)] = said;
    }
}
