using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Services are scaled, switched, rolled back, and leave the memory when nobody calls them; callers notice nothing of it.</summary>
public sealed class ServiceTests
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";

    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    [Fact]
    public async Task No_more_requests_decode_at_once_than_the_service_has_replicas_and_scaling_lets_more_in()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version, replicas: 2);
        var server = await host.Workers.NextServerAsync();
        var asking = Enumerable.Range(0, 6).Select(_ => host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ToList();
        var health = await AwaitHealthAsync(host.Client, service, health => health["waiting"]!.GetValue<int>() == 4);
        health["running"]!.GetValue<int>().ShouldBe(2);
        server.Received.OfType<Generate>().Count().ShouldBe(2);

        (await host.Client.V2Async("service", "ModifyService", new { serviceId = service, resourceConfig = new { type = "CPU-I-2", replicasCount = 3 } })).Result<bool>().ShouldBeTrue();
        await server.ExpectAsync<Generate>(3);
        (await DescribeAsync(host.Client, service))["resourceConfig"]!["replicasCount"]!.GetValue<int>().ShouldBe(3);
        host.Workers.AnswersAlone = true;
        server.SendPieces(3);
        foreach (var answer in asking) Said(await answer).ShouldBe($"{version}: hi");
        server.MostAnswering.ShouldBe(3);
        (await AwaitHealthAsync(host.Client, service, health => health["running"]!.GetValue<int>() == 0))["waiting"]!.GetValue<int>().ShouldBe(0);
    }

    [Fact]
    public async Task A_full_queue_is_told_in_each_apis_way()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false }, configure: options => options.ServiceQueueLength = 1);
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version, replicas: 1);
        var server = await host.Workers.NextServerAsync();
        var asking = Enumerable.Range(0, 2).Select(_ => host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ToList();
        await AwaitHealthAsync(host.Client, service, health => health["waiting"]!.GetValue<int>() == 1);

        using (var v2 = await host.Client.PostAsJsonAsync("/v2/chat/completions", new { model = "mine", messages = s_hi, stream = true }, TestContext.Current.CancellationToken))
        {
            v2.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            (await PlatformCalls.ReadAsync(v2))["error"]!.Text("code").ShouldBe("server_high_load");
        }

        using (var openAI = await host.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "mine", messages = s_hi }, TestContext.Current.CancellationToken))
        {
            openAI.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            (await PlatformCalls.ReadAsync(openAI))["error"]!.Text("code").ShouldBe("rate_limit_exceeded");
        }

        (await host.Client.PostAsync(V1 + "chat/mine", new { messages = s_hi }))["error_code"]!.GetValue<int>().ShouldBe(336100);
        // The others of this platform are not concerned.
        host.Workers.AnswersAlone = true;
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi })).ShouldBe("qianfan-tiny: hi");
        server.SendPieces();
        foreach (var answer in asking) Said(await answer).ShouldBe($"{version}: hi");
    }

    [Fact]
    public async Task A_caller_that_goes_away_leaves_the_queue()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version, replicas: 1);
        var server = await host.Workers.NextServerAsync();
        var first = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await server.ExpectAsync<Generate>();
        using (var impatient = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken))
        {
            var second = host.Client.PostAsJsonAsync("/v2/chat/completions", new { model = "mine", messages = s_hi }, impatient.Token);
            await AwaitHealthAsync(host.Client, service, health => health["waiting"]!.GetValue<int>() == 1);
            await impatient.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(() => second);
        }

        await AwaitHealthAsync(host.Client, service, health => health["waiting"]!.GetValue<int>() == 0);
        host.Workers.AnswersAlone = true;
        server.SendPieces();
        Said(await first).ShouldBe($"{version}: hi");
        server.Received.OfType<Generate>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task No_call_fails_while_another_version_takes_over()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, older, newer) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, older, replicas: 4);
        var loading = host.Workers.SlowModels.GetOrAdd(newer, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        using var calls = new SemaphoreSlim(0);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var callers = Enumerable.Range(0, 8).Select(_ => CallAsync()).ToList();
        await CountAsync(20);

        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = newer });
        var switching = await DescribeAsync(host.Client, service);
        switching.Text("runStatus").ShouldBe("Deploying");
        switching.Text("modelVersionId").ShouldBe(older);
        switching.Text("nextModelVersionId").ShouldBe(newer);
        await CountAsync(40);
        (await host.Client.V2Async("model", "DeleteModel", new { modelId = newer })).Text("message").ShouldContain(service);

        loading.SetResult();
        var switched = await host.Client.AwaitServiceAsync(service, "Serving");
        switched.Text("modelVersionId").ShouldBe(newer);
        switched["nextModelVersionId"].ShouldBeNull();
        await CountAsync(40);
        await enough.CancelAsync();
        foreach (var answers in await Task.WhenAll(callers))
        {
            // Each caller hears the older version first, then the newer one, and nothing else ever.
            answers.SkipWhile(answer => answer == $"{older}: hi").ShouldAllBe(answer => answer == $"{newer}: hi");
            answers[0].ShouldBe($"{older}: hi");
            answers[^1].ShouldBe($"{newer}: hi");
        }

        var server = await host.Workers.NextServerAsync();
        await server.ExpectAsync<UnloadModel>(unload => unload.ModelKey == older);

        async Task<List<string>> CallAsync()
        {
            var answers = new List<string>();
            for (var last = false; !last;)
            {
                // Whatever happens, the last call is made after the other version took over.
                last = enough.IsCancellationRequested;
                using var response = await host.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "mine", messages = s_hi }, TestContext.Current.CancellationToken);
                var body = await PlatformCalls.ReadAsync(response);
                answers.Add(response.IsSuccessStatusCode ? Said(body) : body.ToJsonString());
                calls.Release();
            }

            return answers;
        }

        async Task CountAsync(int count)
        {
            for (var i = 0; i < count; i++) await calls.WaitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task An_answer_that_has_begun_is_finished_by_the_version_that_began_it()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (set, older, newer) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, older, replicas: 2);
        var server = await host.Workers.NextServerAsync();
        var slow = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await server.ExpectAsync<Generate>();
        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = newer });
        await host.Client.AwaitServiceAsync(service, "Serving");
        host.Workers.AnswersAlone = true;
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ShouldBe($"{newer}: hi");
        server.Received.OfType<UnloadModel>().ShouldBeEmpty();

        server.SendPieces();
        Said(await slow).ShouldBe($"{older}: hi");
        (await server.ExpectAsync<UnloadModel>()).ModelKey.ShouldBe(older);
    }

    [Fact]
    public async Task A_version_that_cannot_be_loaded_is_not_taken_and_the_service_goes_on()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, older, newer) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, older);
        host.Workers.BrokenModels[newer] = "config.json is not a Llama's";
        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = newer });
        var kept = await host.Client.AwaitServiceAsync(service, "Serving");
        kept.Text("modelVersionId").ShouldBe(older);
        kept.Text("message").ShouldContain(newer);
        kept.Text("message").ShouldContain("not a Llama");
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ShouldBe($"{older}: hi");
        kept["history"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_service_is_rolled_back_version_by_version()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, older, newer) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, older);
        (await RollbackAsync()).Text("code").ShouldBe("OperationConflict");
        foreach (var version in new[] { newer, older })
        {
            await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = version });
            (await host.Client.AwaitServiceAsync(service, "Serving")).Text("modelVersionId").ShouldBe(version);
        }

        History(await DescribeAsync(host.Client, service)).ShouldBe([older, newer, older]);
        (await RollbackAsync()).Result().Text("modelVersionId").ShouldBe(newer);
        var back = await host.Client.AwaitServiceAsync(service, "Serving");
        back.Text("modelVersionId").ShouldBe(newer);
        History(back).ShouldBe([newer, older]);
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ShouldBe($"{newer}: hi");

        // One that is stopped goes back too, and serves that when it is started.
        await host.Client.V2Async("service", "StopService", new { serviceId = service });
        (await RollbackAsync()).Result().Text("modelVersionId").ShouldBe(older);
        await host.Client.V2Async("service", "StartService", new { serviceId = service });
        (await host.Client.AwaitServiceAsync(service, "Serving")).Text("modelVersionId").ShouldBe(older);
        (await RollbackAsync()).Text("message").ShouldContain("no other version before");
        // What was served once may go, and with it the way back.
        (await host.Client.V2Async("model", "DeleteModel", new { modelId = newer })).Result<bool>().ShouldBeTrue();

        Task<JsonObject> RollbackAsync() => host.Client.V2Async("service", "RollbackService", new { serviceId = service });
    }

    [Fact]
    public async Task Rolling_back_calls_off_a_switch_that_is_under_way()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, older, newer) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, older);
        var server = await host.Workers.NextServerAsync();
        var loading = host.Workers.SlowModels.GetOrAdd(newer, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = set, modelId = newer });
        await server.ExpectAsync<LoadModel>(load => load.ModelKey == newer);
        (await host.Client.V2Async("service", "RollbackService", new { serviceId = service })).Result().Text("modelVersionId").ShouldBe(older);
        (await DescribeAsync(host.Client, service)).Text("runStatus").ShouldBe("Serving");
        loading.SetResult();
        (await server.ExpectAsync<UnloadModel>()).ModelKey.ShouldBe(newer);
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ShouldBe($"{older}: hi");
        History(await DescribeAsync(host.Client, service)).ShouldBe([older]);
    }

    [Fact]
    public async Task An_idle_service_leaves_the_memory_and_the_first_call_brings_it_back()
    {
        var time = new FakeTimeProvider();
        await using var host = await PlatformHost.StartAsync(time: time, configure: options => options.ServiceIdleTimeout = TimeSpan.FromSeconds(30));
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version);
        var server = await host.Workers.NextServerAsync();
        (await DescribeAsync(host.Client, service))["health"]!["loaded"]!.GetValue<bool>().ShouldBeTrue();
        for (var memory = 1L; !server.Received.OfType<UnloadModel>().Any(unload => unload.ModelKey == version); memory++)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            // A worker that says nothing for a minute would be taken for dead.
            server.Say(new Heartbeat(memory));
            await AwaitHealthAsync(host.Client, service, health => health["workerMemoryBytes"]!.GetValue<long>() == memory);
        }

        var idle = await DescribeAsync(host.Client, service);
        idle.Text("runStatus").ShouldBe("Serving");
        idle["health"]!["loaded"]!.GetValue<bool>().ShouldBeFalse();
        host.Workers.SlowModels[version] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await server.ExpectAsync<LoadModel>(2, load => load.ModelKey == version);
        asking.IsCompleted.ShouldBeFalse();
        host.Workers.SlowModels[version].SetResult();
        Said(await asking).ShouldBe($"{version}: hi");
        (await DescribeAsync(host.Client, service))["health"]!["loaded"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Theory]
    [InlineData("completions")]
    [InlineData("embeddings")]
    public async Task A_service_of_one_kind_answers_nothing_else(string kind)
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var created = await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine", serviceType = kind });
        var service = await host.Client.AwaitServiceAsync(created.Result().Text("serviceId"), "Serving");
        service.Text("serviceType").ShouldBe(kind);
        service.Text("url").ShouldEndWith($"/{kind}/mine");
        (await host.Client.V1Async("service/list", new { })).Result()["custom"]!.AsArray().Select(entry => entry!.Text("apiType")).ShouldBe([kind]);
        foreach (var (type, count) in new[] { (kind, 1), ("chat", 0) })
            (await host.Client.V2Async("service", "DescribeServices", new { serviceType = new[] { type } })).Result()["serviceList"]!.AsArray().Count.ShouldBe(count, type);

        var bodies = new Dictionary<string, object> { ["chat"] = new { model = "mine", messages = s_hi }, ["completions"] = new { model = "mine", prompt = "hi" }, ["embeddings"] = new { model = "mine", input = new[] { "hi" } } };
        foreach (var (asked, body) in bodies)
        {
            var path = asked == "chat" ? "chat/completions" : asked;
            using var openAI = await host.Client.PostAsJsonAsync("/v1/" + path, body, TestContext.Current.CancellationToken);
            using var v2 = await host.Client.PostAsJsonAsync("/v2/" + path, body, TestContext.Current.CancellationToken);
            var v1 = await host.Client.PostAsync($"{V1}{asked}/mine", body);
            if (asked == kind)
            {
                openAI.StatusCode.ShouldBe(HttpStatusCode.OK);
                v2.StatusCode.ShouldBe(HttpStatusCode.OK);
                v1.ContainsKey("error_code").ShouldBeFalse(v1.ToJsonString());
                continue;
            }

            openAI.StatusCode.ShouldBe(HttpStatusCode.NotFound);
            var error = (await PlatformCalls.ReadAsync(openAI))["error"]!;
            error.Text("param").ShouldBe("model");
            error.Text("message").ShouldBe($"The model mine answers {kind} and not {asked}");
            (await PlatformCalls.ReadAsync(v2))["error"]!.Text("code").ShouldBe("invalid_model");
            v1["error_code"]!.GetValue<int>().ShouldBe(3);
        }

        (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "other", serviceType = "text2image" })).Text("message").ShouldContain("serviceType");
    }

    [Theory]
    [InlineData("/v2/chat/completions", "service_unavailable")]
    [InlineData("/v1/chat/completions", "server_error")]
    [InlineData(V1 + "chat/mine", "336100")]
    public async Task A_worker_that_dies_in_the_middle_of_an_answer_is_told_in_the_stream_and_the_next_call_works(string path, string told)
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version);
        var first = await host.Workers.NextServerAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(new { model = "mine", messages = s_hi, stream = true }) };
        var sending = host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await first.ExpectAsync<Generate>();
        first.SendPieces(3);
        using (var response = await sending)
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldNotBeNull();
            first.Die();
            var blocks = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            blocks[^1].ShouldStartWith("data: {");
            blocks[^1].ShouldContain(told);
            blocks[^1].ShouldContain("started again");
        }

        // At once: whoever calls waits for the successor, and doesn't hear that the service is not ready.
        host.Workers.AnswersAlone = true;
        Said(await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi })).ShouldBe($"{version}: hi");
        var health = (await DescribeAsync(host.Client, service))["health"]!;
        health["workerRunning"]!.GetValue<bool>().ShouldBeTrue();
        health["workerRestarts"]!.GetValue<int>().ShouldBe(1);
        health.Text("workerMessage").ShouldContain("killed");
    }

    [Fact]
    public async Task What_waited_when_the_worker_died_is_done_by_its_successor()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version, replicas: 1);
        var first = await host.Workers.NextServerAsync();
        var running = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await first.ExpectAsync<Generate>();
        var waiting = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await AwaitHealthAsync(host.Client, service, health => health["waiting"]!.GetValue<int>() == 1);
        host.Workers.AnswersAlone = true;
        first.Die();
        (await running)["error"]!.Text("code").ShouldBe("service_unavailable");
        Said(await waiting).ShouldBe($"{version}: hi");
    }

    [Fact]
    public async Task A_modification_that_changes_nothing_or_too_much_is_refused()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, version, _) = await TwoVersionsAsync(host.Client);
        var service = await ServeAsync(host.Client, set, version);
        foreach (var (body, message) in new (object, string)[]
        {
            (new { serviceId = service }, "nothing is to be changed"),
            (new { serviceId = service, modelSetId = set }, "param[modelId] is missing"),
            (new { serviceId = service, resourceConfig = new { replicasCount = 0 } }, "between 1 and 64"),
            (new { serviceId = service, resourceConfig = new { replicasCount = 65 } }, "between 1 and 64"),
        })
        {
            var refused = await host.Client.V2Async("service", "ModifyService", body);
            refused.Text("code").ShouldBe("InappropriateJSON");
            refused.Text("message").ShouldContain(message);
        }
    }

    /// <summary>A model with two versions.</summary>
    private static async Task<(string Set, string Older, string Newer)> TwoVersionsAsync(HttpClient client)
    {
        var (job, task) = await client.TaskAsync();
        await client.AwaitTaskAsync(task, "Done");
        var (set, older) = await client.PublishAsync(job, task);
        var (otherJob, otherTask) = await client.TaskAsync();
        await client.AwaitTaskAsync(otherTask, "Done");
        var newer = await client.V1Async("modelrepo/publishTrainModel", new { isNewModel = false, modelId = set, versionMeta = new { taskId = otherJob, iterationId = otherTask } });
        return (set, older, newer.Result().Text("versionIdStr"));
    }

    private static async Task<string> ServeAsync(HttpClient client, string set, string version, int replicas = 1)
    {
        var created = await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine", resourceConfig = new { type = "CPU-I-2", replicasCount = replicas } });
        var service = created.Result().Text("serviceId");
        await client.AwaitServiceAsync(service, "Serving");
        return service;
    }

    private static async Task<JsonObject> DescribeAsync(HttpClient client, string service) => (await client.V2Async("service", "DescribeService", new { serviceId = service })).Result();

    private static async Task<JsonNode> AwaitHealthAsync(HttpClient client, string service, Func<JsonNode, bool> which)
    {
        while (true)
        {
            if ((await DescribeAsync(client, service))["health"] is { } health && which(health)) return health;
            await PlatformCalls.BreatheAsync();
        }
    }

    private static IEnumerable<string> History(JsonObject service) => service["history"]!.AsArray().Select(entry => entry!.Text("modelVersionId"));

    private static string Said(JsonObject answer) => answer["choices"] is { } choices ? choices[0]!["message"]!.Text("content") : throw new InvalidOperationException(answer.ToJsonString());
}
