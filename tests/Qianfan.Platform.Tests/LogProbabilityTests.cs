using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Platform.Inference;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>OpenAI's log-probabilities, shaped as its npm client has them.</summary>
public sealed class LogProbabilityTests
{
    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    [Fact]
    public async Task A_chat_tells_each_token_with_its_bytes_and_alternatives()
    {
        await using var host = await PlatformHost.StartAsync();
        var answer = await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, logprobs = true, top_logprobs = 2 });
        var told = answer["choices"]![0]!["logprobs"]!.AsObject();
        told.Select(member => member.Key).ShouldBe(["content", "refusal"]);
        told["refusal"].ShouldBeNull();
        Texts(told).ShouldBe("qianfan-tiny: hi");
        told["content"]![0]!.ToJsonString().ShouldBe("""{"token":"q","logprob":-0.5,"bytes":[113],"top_logprobs":[{"token":"q","logprob":-0.5,"bytes":[113]},{"token":"other 1","logprob":-1.5,"bytes":[111,116,104,101,114,32,49]}]}""");

        var bare = await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, logprobs = true });
        bare["choices"]![0]!["logprobs"]!["content"]![0]!["top_logprobs"]!.AsArray().ShouldBeEmpty();
        var none = await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, logprobs = false });
        none["choices"]![0]!["logprobs"].ShouldBeNull();
        (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Select(generate => generate.Sampling.Logprobs).ShouldBe([2, 0, null]);
    }

    [Fact]
    public async Task Each_of_n_streamed_answers_tells_its_own()
    {
        await using var host = await PlatformHost.StartAsync();
        var chunks = await host.Client.ChunksAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, n = 2, stream = true, logprobs = true });
        for (var index = 0; index < 2; index++)
        {
            var mine = chunks.Select(chunk => chunk["choices"]![0]!).Where(choice => choice["index"]!.GetValue<int>() == index).ToList();
            string.Concat(mine[..^1].Select(choice => Texts(choice["logprobs"]!))).ShouldBe("qianfan-tiny: hi");
            mine[..^1].ShouldAllBe(choice => Texts(choice["logprobs"]!) == (string)choice["delta"]!["content"]!);
            mine[^1]["logprobs"].ShouldBeNull();
        }
    }

    [Fact]
    public async Task Completions_tell_lists_with_places_in_the_text()
    {
        await using var host = await PlatformHost.StartAsync();
        var body = new { model = "qianfan-tiny", prompt = "hi", logprobs = 2 };
        var told = (await host.Client.PostAsync("/v1/completions", body))["choices"]![0]!["logprobs"]!.AsObject();
        told.Select(member => member.Key).ShouldBe(["text_offset", "token_logprobs", "tokens", "top_logprobs"]);
        string.Concat(told["tokens"]!.AsArray().Select(token => (string)token!)).ShouldBe("qianfan-tiny: hi");
        told["text_offset"]!.AsArray().Select(offset => offset!.GetValue<int>()).ShouldBe(Enumerable.Range(0, "qianfan-tiny: hi".Length));
        told["token_logprobs"]!.AsArray().ShouldAllBe(value => value!.GetValue<double>() == -0.5);
        told["top_logprobs"]![0]!.ToJsonString().ShouldBe("""{"q":-0.5,"other 1":-1.5}""");

        var chunks = await host.Client.ChunksAsync("/v1/completions", new { body.model, body.prompt, logprobs = 0, stream = true });
        chunks.Select((chunk, at) => chunk["choices"]![0]!["logprobs"]!["text_offset"]![0]!.GetValue<int>() == at).ShouldAllBe(same => same);
        chunks[0]["choices"]![0]!["logprobs"]!["top_logprobs"]![0]!.ToJsonString().ShouldBe("""{"q":-0.5}""");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tokens_of_a_stop_text_are_not_told(bool stream)
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        var body = new { model = "qianfan-tiny", messages = s_hi, logprobs = true, stop = "SECRET", stream };
        var asking = stream ? Joined(host.Client.ChunksAsync("/v1/chat/completions", body)) : Whole(host.Client.PostAsync("/v1/chat/completions", body));
        var id = (await server.ExpectAsync<Generate>()).RequestId;
        // "a S" is held back and turns out harmless; "b SEC" and "RET" do not.
        Say("a", "a", null);
        Say(" ", " S", null);
        Say("Sx", "x", null);
        Say("y", "y SEC", null);
        Say(" ", "RET!", "stop");
        (await asking).ShouldBe(("a Sxy ", "a Sx"));
        return;

        void Say(string text, string token, string? reason) => server.Say(new DecodeStep([new DecodedSlot(id, text, 5, 1, reason) { Logprob = FakeServer.Token(token) }]));
        static async Task<(string, string)> Joined(Task<List<JsonNode>> chunks)
        {
            var choices = (await chunks).Select(chunk => chunk["choices"]![0]!).ToList();
            return (string.Concat(choices.Select(choice => (string?)choice["delta"]!["content"])), string.Concat(choices.Where(choice => choice["logprobs"] is not null).Select(choice => Texts(choice["logprobs"]!))));
        }

        static async Task<(string, string)> Whole(Task<JsonObject> answer)
        {
            var choice = (await answer)["choices"]![0]!;
            return (choice["message"]!.Text("content"), Texts(choice["logprobs"]!));
        }
    }

    [Fact]
    public async Task Parts_of_a_character_are_told_by_their_bytes()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        var asking = host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, logprobs = true });
        var id = (await server.ExpectAsync<Generate>()).RequestId;
        server.Say(new DecodeStep([new DecodedSlot(id, "", 5, 1) { Logprob = new TokenLogprob("\uFFFD", -1) { Bytes = [0xE4, 0xBD] } }]));
        server.Say(new DecodeStep([new DecodedSlot(id, "你", 5, 2) { Logprob = new TokenLogprob("\uFFFD", -2) { Bytes = [0xA0] } }]));
        server.Say(new DecodeStep([new DecodedSlot(id, "", 5, 3, "stop") { Logprob = new TokenLogprob("", -3) { Bytes = [] } }]));
        var content = (await asking)["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        content.Select(token => token!.Text("token")).ShouldBe([@"\xe4\xbd", @"\xa0"]);
        content.SelectMany(token => token!["bytes"]!.AsArray()).Select(value => (byte)value!.GetValue<int>()).ShouldBe("你"u8.ToArray());
    }

    // Any bytes in any tokens, shown at any pace: told is what lies whole in what is shown.
    [Fact]
    public void Tokens_are_told_when_their_text_is_shown_and_not_before() =>
        Gen.Select(Gen.OneOf(Gen.Byte.Array[0, 4], Gen.OneOf("a", "bc", "你好", "😀").Select(Encoding.UTF8.GetBytes)).Array[0, 8], Gen.Int[0, 100].Array[8], Gen.Bool).Sample((tokens, paces, cutOff) =>
        {
            var bytes = tokens.SelectMany(token => token).ToArray();
            var text = Encoding.UTF8.GetString(bytes);
            var following = new AnswerTokens();
            var decoder = Encoding.UTF8.GetDecoder();
            var told = new List<ShownToken>();
            var (known, shown) = (0, 0);
            for (var i = 0; i < tokens.Length; i++)
            {
                var last = i == tokens.Length - 1;
                known += decoder.GetCharCount(tokens[i], last);
                decoder.GetChars(tokens[i], new char[tokens[i].Length + 4], last);
                var upTo = last && !cutOff ? text.Length : shown + ((known - shown) * paces[i] / 100);
                if (upTo < text.Length && char.IsLowSurrogate(text[upTo])) upTo--;
                var slot = new DecodedSlot("r", text[shown..upTo], 1, i + 1, last ? "stop" : null) { Logprob = new TokenLogprob("", i) { Bytes = [.. tokens[i].Select(value => (int)value)] } };
                shown = upTo;
                told.AddRange(following.Take(slot));
                // Whatever is told lies in what is shown.
                Encoding.UTF8.GetString([.. told.SelectMany(token => token.Token.Bytes!.Select(value => (byte)value))]).Length.ShouldBeLessThanOrEqualTo(shown);
            }

            var spoken = tokens.Select((token, index) => (Token: token, Index: index)).Where(entry => entry.Token.Length > 0).Select(entry => (double)entry.Index).ToList();
            var heard = told.Select(token => token.Token.Logprob).ToList();
            heard.ShouldBe(spoken.Take(heard.Count));
            if (shown == text.Length) heard.Count.ShouldBe(spoken.Count);
        });

    private static string Texts(JsonNode logprobs) => string.Concat(logprobs["content"]!.AsArray().Select(token => token!.Text("token")));
}
