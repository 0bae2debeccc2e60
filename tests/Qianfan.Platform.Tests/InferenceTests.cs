using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Chat, completion and embeddings, in each API's shape.</summary>
public sealed class InferenceTests
{
    private static readonly object[] s_hi = [new { role = "user", content = "你好!" }];

    [Theory]
    [InlineData("/v2/chat/completions")]
    [InlineData("/v1/chat/completions")]
    public async Task A_stream_has_role_text_reason_usage_and_done(string path)
    {
        await using var host = await PlatformHost.StartAsync();
        using var response = await host.Client.PostAsJsonAsync(path, new { model = "qianfan-tiny", messages = s_hi, stream = true, stream_options = new { include_usage = true } }, TestContext.Current.CancellationToken);
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var blocks = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        blocks.ShouldAllBe(block => block.StartsWith("data: ") && !block.Contains('\n'));
        blocks[^1].ShouldBe("data: [DONE]");
        var chunks = blocks[..^1].Select(block => JsonNode.Parse(block["data: ".Length..])!).ToList();
        chunks.ShouldAllBe(chunk => chunk.Text("object") == "chat.completion.chunk" && chunk.Text("model") == "qianfan-tiny");
        chunks[0]["choices"]![0]!["delta"]!.Text("role").ShouldBe("assistant");
        string.Concat(chunks.Select(chunk => (string?)chunk["choices"]?.AsArray().FirstOrDefault()?["delta"]?["content"])).ShouldBe("qianfan-tiny: 你好!");
        chunks[^2]["choices"]![0]!.Text("finish_reason").ShouldBe("stop");
        chunks[^1]["choices"]!.AsArray().ShouldBeEmpty();
        chunks[^1]["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(5 + "qianfan-tiny: 你好!".Length);
    }

    [Fact]
    public async Task A_v1_stream_counts_sentences_and_has_no_done()
    {
        await using var host = await PlatformHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny") { Content = JsonContent.Create(new { messages = s_hi, system = "Be brief", stream = true, max_output_tokens = 77 }) };
        request.Headers.Add("Request_id", "sdk-py-1");
        using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        response.Headers.GetValues("X-Baidu-Request-Id").Single().ShouldBe("sdk-py-1");
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        text.ShouldNotContain("[DONE]");
        var chunks = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(block => JsonNode.Parse(block["data: ".Length..])!).ToList();
        chunks.Select(chunk => chunk["sentence_id"]!.GetValue<int>()).ShouldBe(Enumerable.Range(0, chunks.Count));
        chunks.Select(chunk => chunk["is_end"]!.GetValue<bool>()).ShouldBe(Enumerable.Range(1, chunks.Count).Select(i => i == chunks.Count));
        string.Concat(chunks.Select(chunk => chunk.Text("result"))).ShouldBe("qianfan-tiny: 你好!");
        var generate = (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Single();
        generate.Sampling.MaxTokens.ShouldBe(77);
        generate.Messages!.Select(turn => turn.Role).ShouldBe(["system", "user"]);
    }

    [Fact]
    public async Task A_client_that_goes_away_stops_the_generation()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v2/chat/completions") { Content = JsonContent.Create(new { model = "qianfan-tiny", messages = s_hi, stream = true }) };
            var sending = host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel.Token);
            await server.ExpectAsync<Generate>();
            server.SendPieces(2);
            using var response = await sending;
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldNotBeNull();
            await cancel.CancelAsync();
        }

        var generate = server.Received.OfType<Generate>().Single();
        (await server.ExpectAsync<CancelRequest>()).RequestId.ShouldBe(generate.RequestId);
    }

    [Fact]
    public async Task A_client_that_goes_away_stops_its_embedding()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var sending = host.Client.PostAsJsonAsync("/v2/embeddings", new { model = "qianfan-tiny", input = "Hello" }, cancel.Token);
        var embed = await server.ExpectAsync<Embed>();
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(sending);
        (await server.ExpectAsync<CancelRequest>()).RequestId.ShouldBe(embed.RequestId);
    }

    [Fact]
    public async Task A_worker_that_ends_fails_its_requests_clearly_and_its_successor_serves_again()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await host.Client.AwaitServiceAsync(service, "Serving");

        var first = await host.Workers.NextServerAsync();
        var asking = host.Client.PostAsJsonAsync("/v2/chat/completions", new { model = "mine", messages = s_hi }, TestContext.Current.CancellationToken);
        await first.ExpectAsync<Generate>();
        first.Die();
        using var failed = await asking;
        failed.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await PlatformCalls.ReadAsync(failed))["error"]!.Text("message").ShouldContain("started again");

        var second = await host.Workers.NextServerAsync();
        host.Workers.AnswersAlone = true;
        await second.ExpectAsync<LoadModel>();
        await host.Client.AwaitServiceAsync(service, "Serving");
        (await host.Client.PostAsync("/v2/chat/completions", new { model = service, messages = s_hi }))["choices"]![0]!["message"]!.Text("content").ShouldBe($"{version}: 你好!");
    }

    [Fact]
    public async Task A_service_is_stopped_started_switched_and_deleted()
    {
        await using var host = await PlatformHost.StartAsync();
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        var again = await host.Client.PublishAsync(job, task);
        again.ShouldBe((set, version));
        var (otherJob, otherTask) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(otherTask, "Done");
        (await host.Client.V1Async("modelrepo/publishTrainModel", new { isNewModel = true, modelName = "m_test", versionMeta = new { taskId = otherJob, iterationId = otherTask } })).Text("error_msg").ShouldContain("m_test already");
        var newer = (await host.Client.V1Async("modelrepo/publishTrainModel", new { isNewModel = false, modelId = set, versionMeta = new { taskId = otherJob, iterationId = otherTask } })).Result();
        newer.Text("version").ShouldBe("2");
        (await host.Client.V2Async("model", "DescribeModelSet", new { modelSetName = "m_test" })).Result()["modelIds"]!.AsArray().Select(id => (string?)id).ShouldBe([newer.Text("versionIdStr"), version]);

        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await host.Client.AwaitServiceAsync(service, "Serving");
        (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Text("code").ShouldBe("OperationConflict");
        (await host.Client.V2Async("model", "DeleteModel", new { modelId = version })).Text("message").ShouldContain(service);

        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = newer.Text("versionIdStr") });
        (await host.Client.AwaitServiceAsync(service, "Serving")).Text("modelVersionId").ShouldBe(newer.Text("versionIdStr"));
        await host.Client.V2Async("service", "StopService", new { serviceId = service });
        using (var stopped = await host.Client.PostAsJsonAsync("/v2/chat/completions", new { model = "mine", messages = s_hi }, TestContext.Current.CancellationToken))
            (await PlatformCalls.ReadAsync(stopped))["error"]!.Text("message").ShouldContain("is stopped");
        await host.Client.V2Async("service", "StartService", new { serviceId = service });
        await host.Client.AwaitServiceAsync(service, "Serving");
        await host.Client.V2Async("service", "DeleteService", new { serviceId = service });
        (await host.Client.V2Async("model", "DeleteModelSet", new { modelSetId = set })).Result<bool>().ShouldBeTrue();
        Directory.EnumerateDirectories(Path.Combine(host.Folder, "data", "models")).ShouldBeEmpty();
        (await host.Workers.NextServerAsync()).Received.OfType<UnloadModel>().Select(unload => unload.ModelKey).ShouldContain(version);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_fails_its_service_with_the_reason()
    {
        await using var host = await PlatformHost.StartAsync();
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        host.Workers.BrokenModels[version] = "config.json is not a Llama's";
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        (await host.Client.AwaitServiceAsync(service, "Failed")).Text("message").ShouldContain("not a Llama");
        host.Workers.BrokenModels.Clear();
        await host.Client.V2Async("service", "StartService", new { serviceId = service });
        await host.Client.AwaitServiceAsync(service, "Serving");
    }

    [Fact]
    public async Task Completions_and_embeddings_answer_in_their_shapes()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var path in new[] { "/v1/completions", "/v2/completions" })
            (await host.Client.PostAsync(path, new { model = "qianfan-tiny", prompt = "once" }))["choices"]![0]!.Text("text").ShouldBe("qianfan-tiny: once");
        (await host.Client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/completions/qianfan-tiny", new { prompt = "once" })).Text("object").ShouldBe("completion");
        var embedded = await host.Client.PostAsync("/v2/embeddings", new { model = "qianfan-tiny", input = new[] { "a", "bcd" }, endpoint = (string?)null });
        embedded["data"]![1]!["embedding"]!.AsArray().Select(value => value!.GetValue<float>()).ShouldBe([1f, 3f]);
        var packed = await host.Client.PostAsync("/v1/embeddings", new { model = "qianfan-tiny", input = "a", encoding_format = "base64" });
        Convert.FromBase64String(packed["data"]![0]!.Text("embedding")).ShouldBe(BitConverter.GetBytes(1f).Concat(BitConverter.GetBytes(1f)));
    }

    [Theory]
    [InlineData("{\"model\":\"none\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 404, "invalid_model", "none")]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 400, "invalid_argument", "param[model] is missing")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]}", 400, "invalid_messages", "the length of messages must be an odd number")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"messages\":[{\"role\":\"user\",\"content\":\" \"}]}", 400, "invalid_messages", "messages[0].content")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", 400, "invalid_messages", "messages[0].role")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":9}", 400, "invalid_argument", "param[temperature]")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"messages\":", 400, "malformed_json", "no valid JSON")]
    public async Task Mistakes_are_explained_also_where_a_stream_was_asked_for(string body, int status, string code, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var text in new[] { body, body.Replace("{\"model\"", "{\"stream\":true,\"model\"", StringComparison.Ordinal) })
        {
            using var content = new StringContent(text, System.Text.Encoding.UTF8, "application/json");
            using var response = await host.Client.PostAsync("/v2/chat/completions", content, TestContext.Current.CancellationToken);
            ((int)response.StatusCode).ShouldBe(status);
            var error = (await PlatformCalls.ReadAsync(response))["error"]!;
            error.Text("code").ShouldBe(code);
            error.Text("message").ShouldContain(message);
        }
    }
}
