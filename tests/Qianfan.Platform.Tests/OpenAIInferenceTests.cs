using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>OpenAI's chat, completions and embeddings, field by field.</summary>
public sealed class OpenAIInferenceTests
{
    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    [Fact]
    public async Task A_chat_has_all_members_also_those_without_a_value()
    {
        await using var host = await PlatformHost.StartAsync();
        using var response = await host.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, seed = 5, stop = "\n", user = "ignored", nonsense = new { } }, TestContext.Current.CancellationToken);
        response.Headers.GetValues("x-request-id").Single().ShouldStartWith("req_");
        var answer = await PlatformCalls.ReadAsync(response);
        answer.Text("id").ShouldStartWith("chatcmpl-");
        answer.Text("object").ShouldBe("chat.completion");
        var choice = answer["choices"]!.AsArray().Single()!.AsObject();
        choice["message"]!.Text("content").ShouldBe("qianfan-tiny: hi");
        choice.ContainsKey("logprobs").ShouldBeTrue();
        choice["message"]!.AsObject().ContainsKey("refusal").ShouldBeTrue();
        choice.Text("finish_reason").ShouldBe("stop");
        var generate = (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Single();
        generate.Sampling.Seed.ShouldBe(5);
        generate.Sampling.Stop.ShouldBe(["\n"]);
    }

    [Fact]
    public async Task N_answers_have_seeds_of_their_own_and_pay_for_the_prompt_once()
    {
        await using var host = await PlatformHost.StartAsync();
        var answer = await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, n = 3, seed = 40 });
        answer["choices"]!.AsArray().Select(choice => choice!["index"]!.GetValue<int>()).ShouldBe([0, 1, 2]);
        answer["choices"]!.AsArray().ShouldAllBe(choice => choice!["message"]!.Text("content") == "qianfan-tiny: hi");
        answer["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(5);
        answer["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(3 * "qianfan-tiny: hi".Length);
        (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Select(generate => generate.Sampling.Seed).ShouldBe([40, 41, 42], ignoreOrder: true);
    }

    [Fact]
    public async Task N_streamed_answers_each_have_a_role_text_and_reason()
    {
        await using var host = await PlatformHost.StartAsync();
        var chunks = await StreamAsync(host, "/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, n = 2, stream = true, stream_options = new { include_usage = true } });
        for (var index = 0; index < 2; index++)
        {
            var mine = chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Where(choice => choice!["index"]!.GetValue<int>() == index).ToList();
            mine[0]!["delta"]!.Text("role").ShouldBe("assistant");
            string.Concat(mine.Select(choice => (string?)choice!["delta"]!["content"])).ShouldBe("qianfan-tiny: hi");
            mine[^1]!.Text("finish_reason").ShouldBe("stop");
            mine[..^1].ShouldAllBe(choice => choice!["finish_reason"] == null);
        }

        chunks.ShouldAllBe(chunk => chunk.AsObject().ContainsKey("usage"));
        chunks[..^1].ShouldAllBe(chunk => chunk["usage"] == null);
        chunks[^1]["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(5);
    }

    [Fact]
    public async Task A_fault_in_one_of_n_answers_ends_all()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        var asking = host.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, n = 2 }, TestContext.Current.CancellationToken);
        await server.ExpectAsync<Generate>();
        server.SendPieces(1);
        while (server.Received.OfType<Generate>().Count() < 2) await PlatformCalls.BreatheAsync();
        server.Say(new RequestFailed(server.Received.OfType<Generate>().Last().RequestId, WorkerErrors.ContextLength, "too long"));
        using var response = await asking;
        ((int)response.StatusCode).ShouldBe(400);
        (await PlatformCalls.ReadAsync(response))["error"]!.Text("code").ShouldBe("context_length_exceeded");
        var other = server.Received.OfType<Generate>().First().RequestId;
        while (!server.Received.OfType<CancelRequest>().Any(cancel => cancel.RequestId == other)) await PlatformCalls.BreatheAsync();
    }

    [Fact]
    public async Task Completions_take_several_prompts_and_echo_them()
    {
        await using var host = await PlatformHost.StartAsync();
        var answer = await host.Client.PostAsync("/v1/completions", new { model = "qianfan-tiny", prompt = new[] { "one", "two" }, n = 2, echo = true, best_of = 2 });
        answer.Text("object").ShouldBe("text_completion");
        answer["choices"]!.AsArray().Select(choice => choice!.Text("text")).ShouldBe(["oneqianfan-tiny: one", "oneqianfan-tiny: one", "twoqianfan-tiny: two", "twoqianfan-tiny: two"]);
        answer["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(10);
        (await host.Workers.NextServerAsync()).Received.OfType<Generate>().ShouldAllBe(generate => generate.Sampling.MaxTokens == 16);

        var chunks = await StreamAsync(host, "/v1/completions", new { model = "qianfan-tiny", prompt = "one", echo = true, stream = true });
        string.Concat(chunks.Select(chunk => chunk["choices"]![0]!.Text("text"))).ShouldBe("oneqianfan-tiny: one");
    }

    [Fact]
    public async Task Embeddings_come_as_numbers_or_base64()
    {
        await using var host = await PlatformHost.StartAsync();
        var numbers = await host.Client.PostAsync("/v1/embeddings", new { model = "qianfan-tiny", input = new[] { "a", "bcd" } });
        numbers.Select(member => member.Key).ShouldBe(["object", "data", "model", "usage"]);
        numbers["data"]![1]!["embedding"]!.AsArray().Select(value => value!.GetValue<float>()).ShouldBe([1, 3]);
        var text = await host.Client.PostAsync("/v1/embeddings", new { model = "qianfan-tiny", input = "bcd", encoding_format = "base64" });
        Convert.FromBase64String(text["data"]![0]!.Text("embedding")).ShouldBe([.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(3f)]);
    }

    [Fact]
    public async Task Penalties_and_the_form_of_the_answer_reach_the_engine()
    {
        await using var host = await PlatformHost.StartAsync();
        var messages = new[] { new { role = "user", content = "x" } };
        await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages, frequency_penalty = 0.5, presence_penalty = -1, logit_bias = new Dictionary<string, int> { ["7"] = -100 }, response_format = new { type = "json_object" } });
        await host.Client.PostAsync("/v1/chat/completions", JsonNode.Parse("""
            {"model":"qianfan-tiny","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"}}}}
            """)!);
        await host.Client.PostAsync("/v1/completions", new { model = "qianfan-tiny", prompt = "p", frequency_penalty = 1 });

        var received = (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Select(generate => generate.Sampling).ToList();
        received[0].ShouldBe(received[0] with { FrequencyPenalty = 0.5, PresencePenalty = -1, ResponseFormat = "json_object", JsonSchema = null, Logprobs = null });
        received[0].LogitBias.ShouldBe(new Dictionary<int, double> { [7] = -100 });
        received[1].LogitBias.ShouldBeNull();
        received[1].ResponseFormat.ShouldBe("json_schema");
        received[1].JsonSchema!.Value.GetRawText().ShouldBe("""{"type":"object"}""");
        received[2].ShouldBe(received[2] with { FrequencyPenalty = 1, ResponseFormat = null });
    }

    [Theory]
    [InlineData("chat/completions", "\"temperature\":\"0.5\"", "temperature")]
    [InlineData("chat/completions", "\"temperature\":3", "temperature")]
    [InlineData("chat/completions", "\"max_tokens\":\"5\"", "max_tokens")]
    [InlineData("chat/completions", "\"stream\":\"yes\"", "stream")]
    [InlineData("chat/completions", "\"stop\":5", "stop")]
    [InlineData("chat/completions", "\"n\":0", "n")]
    [InlineData("chat/completions", "\"n\":17", "n")]
    [InlineData("chat/completions", "\"logprobs\":1", "logprobs")]
    [InlineData("chat/completions", "\"top_logprobs\":3", "top_logprobs")]
    [InlineData("chat/completions", "\"logprobs\":true,\"top_logprobs\":21", "top_logprobs")]
    [InlineData("chat/completions", "\"response_format\":{\"type\":\"json_schema\"}", "response_format.json_schema")]
    [InlineData("chat/completions", "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"}}", "response_format.json_schema.schema")]
    [InlineData("chat/completions", "\"response_format\":{\"type\":\"xml\"}", "response_format.type")]
    [InlineData("chat/completions", "\"stream_options\":{\"include_usage\":true}", "stream_options")]
    [InlineData("chat/completions", "\"frequency_penalty\":2.5", "frequency_penalty")]
    [InlineData("chat/completions", "\"presence_penalty\":-3", "presence_penalty")]
    [InlineData("chat/completions", "\"logit_bias\":{\"5\":101}", "logit_bias")]
    [InlineData("chat/completions", "\"logit_bias\":{\"Paris\":1}", "logit_bias")]
    [InlineData("chat/completions", "\"logit_bias\":{\"5\":\"1\"}", "logit_bias.5")]
    [InlineData("chat/completions", "\"tool_choice\":\"required\"", "tool_choice")]
    [InlineData("chat/completions", "\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]", "messages[0].role")]
    [InlineData("chat/completions", "\"messages\":[{\"role\":5,\"content\":\"x\"}]", "messages[0].role")]
    [InlineData("completions", "\"logprobs\":6", "logprobs")]
    [InlineData("completions", "\"logprobs\":true", "logprobs")]
    [InlineData("completions", "\"logprobs\":1,\"echo\":true", "logprobs")]
    [InlineData("completions", "\"best_of\":2", "best_of")]
    [InlineData("completions", "\"suffix\":\"x\"", "suffix")]
    [InlineData("completions", "\"prompt\":[1,2]", "prompt")]
    [InlineData("embeddings", "\"input\":[1,2]", "input")]
    [InlineData("embeddings", "\"encoding_format\":\"hex\"", "encoding_format")]
    [InlineData("embeddings", "\"dimensions\":5", "dimensions")]
    public async Task What_is_wrong_or_cannot_be_done_is_named(string path, string member, string parameter)
    {
        await using var host = await PlatformHost.StartAsync();
        var given = JsonNode.Parse("{\"model\":\"qianfan-tiny\",\"prompt\":\"p\",\"input\":\"i\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}")!.AsObject();
        foreach (var (name, value) in JsonNode.Parse("{" + member + "}")!.AsObject().ToList()) given[name] = value!.DeepClone();
        using var response = await host.Client.PostAsJsonAsync("/v1/" + path, given, TestContext.Current.CancellationToken);
        var answer = await PlatformCalls.ReadAsync(response);
        ((int)response.StatusCode).ShouldBe(400, answer.ToJsonString());
        answer["error"]!.Text("type").ShouldBe("invalid_request_error");
        answer["error"]!.Text("param").ShouldBe(parameter);
    }

    private static Task<List<JsonNode>> StreamAsync(PlatformHost host, string path, object body) => host.Client.ChunksAsync(path, body);
}
