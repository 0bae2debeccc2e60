using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Http;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every route, tried by those who may not call it.</summary>
public sealed class AccessTests
{
    private const string Refused = "The scopes of this key are";

    // What each API says of a key that may not: in error.type, error_code or code.
    private static readonly Dictionary<ApiFamily, string> s_refusals = new()
    {
        [ApiFamilies.ConsoleV1] = "500002",
        [ApiFamilies.DatasetV1] = "500002",
        [ApiFamilies.ConsoleV2] = "AccessDenied",
        [ApiFamilies.InferenceV1] = "6",
        [ApiFamilies.InferenceV2] = "access_denied",
        [ApiFamilies.OpenAI] = "permission_error",
    };

    [Theory]
    [InlineData(null, "No credentials")]
    [InlineData("bce-v3/ALTAKnobody/secret-0123456789abcdef", "NotFound, cause: Could not find credential.")]
    [InlineData("bce-v3/ALTAKtest/another-secret-0123456789", "wrong or has expired")]
    [InlineData("sk-something", "not of the form")]
    public async Task No_route_answers_without_a_good_key(string? bearer, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(bearer);
        var routes = Route.All(host);
        routes.Count.ShouldBeGreaterThan(50);
        foreach (var route in routes)
        {
            using var response = await client.SendAsync(route.Request(), TestContext.Current.CancellationToken);
            var body = await PlatformCalls.ReadAsync(response);
            body.ToJsonString().ShouldContain(message, customMessage: route.ToString());
            if (route.Family == ApiFamilies.InferenceV1) body["error_code"]!.GetValue<int>().ShouldBe(14);
            else response.StatusCode.ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden);
            if (bearer is not null && message.StartsWith("NotFound", StringComparison.Ordinal)) response.Headers.GetValues("X-Bce-Error-Message").Single().ShouldBe(message);
        }
    }

    [Theory]
    [InlineData("ALTAKreader/reader-secret-0123456789", KeyScopes.Inference | KeyScopes.Read)]
    [InlineData("ALTAKcaller/caller-secret-0123456789", KeyScopes.Inference)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Read)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Write)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Inference | KeyScopes.Write)]
    public async Task A_key_may_do_what_its_scopes_say_and_nothing_else(string pair, KeyScopes scopes)
    {
        await using var host = await PlatformHost.StartAsync(configure: options => options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKscoped", SecretKey = "scoped-secret-0123456789", OwnerId = "one", Scopes = scopes }));
        using var client = host.CreateClient("bce-v3/" + pair);
        foreach (var route in Route.All(host))
        {
            using var response = await client.SendAsync(route.Request(), TestContext.Current.CancellationToken);
            var body = await PlatformCalls.ReadAsync(response);
            var told = $"{route} {body.ToJsonString()}";
            if ((route.Needs & scopes) != KeyScopes.None)
            {
                response.StatusCode.ShouldNotBe(HttpStatusCode.Forbidden, told);
                told.ShouldNotContain(Refused);
                continue;
            }

            told.ShouldContain($"{Refused} {scopes}");
            // V1 inference answers all errors with status 200.
            response.StatusCode.ShouldBe(route.Family == ApiFamilies.InferenceV1 ? HttpStatusCode.OK : HttpStatusCode.Forbidden, told);
            (body["error"]?["type"] ?? body["error_code"] ?? body["code"])!.ToString().ShouldBe(s_refusals[route.Family], told);
        }
    }

    [Fact]
    public async Task A_key_for_inference_reaches_models_their_names_and_tokens_of_its_own()
    {
        await using var host = await PlatformHost.StartAsync();
        const string V1 = "POST /rpc/2.0/ai_custom/v1/wenxinworkshop/";
        Route.All(host).Where(route => route.Needs.HasFlag(KeyScopes.Inference)).Select(route => route.ToString()).ShouldBe(
        [
            "POST /v1/chat/completions", "POST /v1/completions", "POST /v1/embeddings", "GET /v1/models", "GET /v1/models/nobodys-id",
            "POST /v2/chat/completions", "POST /v2/completions", "POST /v2/embeddings", "GET /v2/models",
            V1 + "chat/nobodys-id", V1 + "completions/nobodys-id", V1 + "embeddings/nobodys-id", V1 + "tokenizer/nobodys-id", "POST /wenxinworkshop/service/list",
            "GET /v1/BCE-BEARER/token",
        ], ignoreOrder: true);
    }

    [Fact]
    public async Task What_changes_something_is_declared_so()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var route in Route.All(host).Where(route => !route.Needs.HasFlag(KeyScopes.Inference)))
        {
            // Words of reading: those of V2's actions, and those that V1's addresses end with.
            var name = route.Path.Split('/', '=')[^1];
            var reads = route.Method == "GET" || name.StartsWith("Describe", StringComparison.Ordinal) || new[] { "info", "list", "detail", "record" }.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase));
            route.Needs.ShouldBe(reads ? KeyScopes.Read : KeyScopes.Write, route.ToString());
        }
    }

    [Theory]
    [InlineData("/v1/BCE-BEARER/token")]
    [InlineData("/oauth/2.0/token?grant_type=client_credentials&client_id=ALTAKcaller&client_secret=caller-secret-0123456789")]
    public async Task A_token_may_do_what_its_key_may(string path)
    {
        await using var host = await PlatformHost.StartAsync();
        using var caller = host.Caller();
        var answer = await caller.GetJsonAsync(path);
        using var client = host.CreateClient((string?)answer["token"]);
        var query = answer["access_token"] is { } token ? "?access_token=" + token : "";
        (await client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny" + query, new { messages = new[] { new { role = "user", content = "hi" } } })).Text("result").ShouldBe("qianfan-tiny: hi");
        (await client.PostAsync("/wenxinworkshop/dataset/list" + query, new { })).Text("message").ShouldStartWith(Refused);
    }

    [Fact]
    public async Task A_link_is_good_for_what_its_key_may_fetch()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        var id = (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var exports = host.Services.GetRequiredService<DatasetExports>();
        var export = await exports.GetAsync("one", id, TestContext.Current.CancellationToken);
        // Links are signed with the key's own secret: whoever has a key can make one up.
        (await FetchAsync("ALTAKreader", "reader-secret-0123456789")).ShouldBe(HttpStatusCode.OK);
        (await FetchAsync("ALTAKcaller", "caller-secret-0123456789")).ShouldBe(HttpStatusCode.Forbidden);

        async Task<HttpStatusCode> FetchAsync(string accessKey, string secretKey)
        {
            var link = new Uri(exports.Link(new PlatformKey(accessKey, secretKey, "one", KeyScopes.Read), export));
            using var nobody = host.CreateClient(null);
            using var response = await nobody.GetAsync(link.PathAndQuery, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task Another_owners_lists_are_empty()
    {
        await using var host = await PlatformHost.StartAsync();
        await OwnEverythingAsync(host);
        using var other = host.OtherOwner();
        foreach (var list in new[] { "/v1/files", "/v1/fine_tuning/jobs" }) (await other.GetJsonAsync(list))["data"]!.AsArray().ShouldBeEmpty();
        (await other.GetJsonAsync("/v1/models"))["data"]!.AsArray().Select(model => model!.Text("id")).ShouldBe(["qianfan-tiny"]);
        (await other.V2Async("finetuning", "DescribeFineTuningJobs", new { })).Result()["jobList"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("service", "DescribeServices", new { })).Result()["serviceList"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("model", "DescribeCustomModelSets", new { })).Result()["modelSetList"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("dataset", "DescribeDatasets", new { })).Result()["datasetList"]!.AsArray().ShouldBeEmpty();
        (await other.V1Async("modelrepo/model/user/list", new { })).Result()["modelList"]!.AsArray().ShouldBeEmpty();
        (await other.V1Async("dataset/list", new { })).Result()["items"]!.AsArray().ShouldBeEmpty();
        (await other.V1Async("service/list", new { })).Result()["custom"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Unknown_paths_methods_and_actions_are_answered_in_json()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var path in new[] { "/v1", "/v1/nothing", "/v2/nothing/at/all", "/wenxinworkshop/nothing", "/wenxinworkshop/dataset/nothing", "/rpc/2.0/nothing", "/oauth/2.0/nothing" })
        {
            using var response = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);
            (await PlatformCalls.ReadAsync(response)).ToJsonString().ShouldContain("There is no");
            response.StatusCode.ShouldBeOneOf(HttpStatusCode.NotFound, path.StartsWith("/rpc", StringComparison.Ordinal) ? HttpStatusCode.OK : HttpStatusCode.NotFound);
        }

        using var method = await host.Client.GetAsync("/v2/finetuning?Action=DescribeFineTuningTask", TestContext.Current.CancellationToken);
        method.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        method.Content.Headers.Allow.ShouldBe(["POST"]);
        (await PlatformCalls.ReadAsync(method)).Text("code").ShouldBe("MethodNotAllowed");

        foreach (var query in new[] { "", "?Action=", "?Action=Nothing" })
            (await host.Client.PostAsync("/v2/finetuning" + query, new { })).Text("code").ShouldBe("InvalidAction");
    }

    [Fact]
    public async Task What_is_anothers_and_what_does_not_exist_are_answered_alike()
    {
        await using var host = await PlatformHost.StartAsync();
        var mine = await OwnEverythingAsync(host);
        var nobodys = new Owned("file-000000000000000000000000", "ds-0000000000000000", "dg-000000000000", "job-000000000000", "task-000000000000", "am-000000000000", "amv-000000000000", "svco-000000000000", "none", "ftjob-000000000000", "ft:none", "upload_000000000000000000000000", "amemt-000000000000", "export-000000000000");
        var covered = new HashSet<string>(StringComparer.Ordinal);
        using var other = host.OtherOwner();
        using var caller = host.Caller();
        foreach (var (theirs, none) in Calls(mine).Zip(Calls(nobodys)))
        {
            covered.Add(Pattern(theirs, mine));
            (await AskAsync(other, theirs, mine)).ShouldBe(await AskAsync(other, none, nobodys), theirs.ToString());
            // What a key may not do is refused before anybody looks what is there.
            if (await AskAsync(caller, none, nobodys) is var refused && refused.Contains(Refused, StringComparison.Ordinal)) (await AskAsync(caller, theirs, mine)).ShouldBe(refused, theirs.ToString());
        }

        // And it is all still there.
        (await host.Client.AwaitTaskAsync(mine.Task, "Done")).Text("jobId").ShouldBe(mine.Job);
        (await host.Client.AwaitServiceAsync(mine.Service, "Serving")).Text("serviceId").ShouldBe(mine.Service);
        foreach (var path in new[] { "/v1/files/" + mine.File, "/v1/fine_tuning/jobs/" + mine.OpenAIJob, "/v1/models/" + mine.Model }) (await host.Client.GetJsonAsync(path)).ContainsKey("id").ShouldBeTrue(path);

        // A route with an id in it, or a body that names something, stands in the list above.
        var missing = Route.All(host).Where(NamesSomething).Select(route => $"{route.Method} {route.Path}").Where(route => !covered.Contains(route)).ToList();
        missing.ShouldBeEmpty();
    }

    private sealed record Call(string Method, string Path, object? Body = null);

    private sealed record Owned(string File, string Dataset, string Group, string Job, string Task, string Set, string Version, string Service, string Suffix, string OpenAIJob, string Model, string Upload, string ModelExport, string DatasetExport)
    {
        public IEnumerable<string> Ids => [OpenAIJob, Model, Upload, ModelExport, DatasetExport, File, Dataset, Dataset[3..], Group, Job, Task, Set, Version, Service, Suffix];
    }

    // Members by which a body names what exists already.
    private static readonly string[] s_names =
        ["datasetId", "datasetIds", "jobId", "taskId", "modelId", "modelIDs", "modelSetId", "modelVersionId", "modelVersionIds", "serviceId", "versionId", "versionMeta", "training_file", "exportTaskId"];

    private static bool NamesSomething(Route route) =>
        route.Path.Contains("nobodys-id", StringComparison.Ordinal) && !route.Path.EndsWith("tokenizer/nobodys-id", StringComparison.Ordinal)
        // Its versionId is always 1, and names nothing.
        || route is { Body: { } body, Path: not "/wenxinworkshop/dataset/create" } && body.GetProperties().Select(property => property.GetCustomAttributes(typeof(System.Text.Json.Serialization.JsonPropertyNameAttribute), false).OfType<System.Text.Json.Serialization.JsonPropertyNameAttribute>().FirstOrDefault()?.Name ?? System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(property.Name)).Any(s_names.Contains);

    private static string Pattern(Call call, Owned owned) => $"{call.Method} {owned.Ids.Aggregate(call.Path, (path, id) => path.EndsWith("=" + id, StringComparison.Ordinal) ? path : string.Join('/', path.Split('/').Select(part => part == id ? "nobodys-id" : part)))}";

    /// <summary>Status and answer, without what differs from call to call.</summary>
    private static async Task<string> AskAsync(HttpClient client, Call call, Owned owned)
    {
        using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.Path);
        if (call.Body is { } body) request.Content = System.Net.Http.Json.JsonContent.Create(body);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var answer = await PlatformCalls.ReadAsync(response);
        foreach (var changing in new[] { "log_id", "requestId", "id" }) answer.Remove(changing);
        var text = owned.Ids.Aggregate(answer.ToJsonString(), (text, id) => text.Replace(id, "<id>", StringComparison.Ordinal));
        return $"{(int)response.StatusCode} {text}";
    }

    private static async Task<Owned> OwnEverythingAsync(PlatformHost host)
    {
        var client = host.Client;
        var file = await client.UploadAsync();
        var dataset = await client.DatasetAsync();
        var group = (await client.V1Async("dataset/info", new { datasetId = dataset })).Result().Text("groupPK");
        var export = (await client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var (job, task) = await client.TaskAsync(dataset: dataset);
        await client.AwaitTaskAsync(task, "Done");
        var (set, version) = await client.PublishAsync(job, task);
        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await client.AwaitServiceAsync(service, "Serving");
        var openAI = (await client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny" })).Text("id");
        while ((await client.GetJsonAsync("/v1/fine_tuning/jobs/" + openAI)).Text("status") != "succeeded") await PlatformCalls.BreatheAsync();
        var model = (await client.GetJsonAsync("/v1/fine_tuning/jobs/" + openAI)).Text("fine_tuned_model");
        var modelExport = (await client.ExportAsync(version)).Text("exportTaskId");
        await client.AwaitExportAsync(version, "safetensors", "Done");
        return new Owned(file, dataset, group, job, task, set, version, service, "mine", openAI, model, (await client.PostAsync("/v1/uploads", new { filename = "f", purpose = "fine-tune", bytes = 5 })).Text("id"), modelExport, export);
    }

    private static IEnumerable<Call> Calls(Owned mine)
    {
        const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";
        var messages = new[] { new { role = "user", content = "hi" } };
        yield return new("GET", $"/v1/files/{mine.File}");
        yield return new("GET", $"/v1/files/{mine.File}/content");
        yield return new("DELETE", $"/v1/files/{mine.File}");
        yield return new("GET", $"/v1/uploads/{mine.Upload}");
        yield return new("POST", $"/v1/uploads/{mine.Upload}/parts");
        yield return new("POST", $"/v1/uploads/{mine.Upload}/cancel");
        yield return new("POST", $"/v1/uploads/{mine.Upload}/complete", new { part_ids = new[] { "part_x" } });
        yield return new("GET", $"/v1/models/{mine.Model}");
        yield return new("DELETE", $"/v1/models/{mine.Model}");
        foreach (var tail in new[] { "", "/events", "/checkpoints" }) yield return new("GET", $"/v1/fine_tuning/jobs/{mine.OpenAIJob}{tail}");
        foreach (var tail in new[] { "/cancel", "/pause", "/resume" }) yield return new("POST", $"/v1/fine_tuning/jobs/{mine.OpenAIJob}{tail}");
        yield return new("POST", "/v1/fine_tuning/jobs", new { training_file = mine.File, model = "qianfan-tiny" });
        foreach (var path in new[] { "/v1/chat/completions", "/v2/chat/completions" }) yield return new("POST", path, new { model = mine.Suffix, messages });
        yield return new("POST", V1 + $"chat/{mine.Suffix}", new { messages });
        yield return new("POST", V1 + $"completions/{mine.Suffix}", new { prompt = "hi" });
        yield return new("POST", V1 + $"embeddings/{mine.Suffix}", new { input = new[] { "hi" } });
        foreach (var action in new[] { "info", "release", "delete", "importErrorDetail", "export", "exportRecord" }) yield return new("POST", $"/wenxinworkshop/dataset/{action}", new { datasetId = mine.Dataset });
        yield return new("POST", "/wenxinworkshop/dataset/statusList", new { datasetIds = new[] { mine.Dataset } });
        yield return new("POST", "/wenxinworkshop/dataset/import", new { datasetId = mine.Dataset, files = new[] { mine.File } });
        yield return new("POST", "/wenxinworkshop/entity/list", new { datasetId = mine.Dataset });
        yield return new("POST", "/wenxinworkshop/entity/annotate", new { datasetId = mine.Dataset, id = mine.Dataset + "-1", content = new[] { new { prompt = "a", response = "b" } } });
        yield return new("POST", "/wenxinworkshop/entity/delete", new { datasetId = mine.Dataset, id = new[] { mine.Dataset + "-1" } });
        foreach (var action in new[] { "DescribeDatasetVersion", "DeleteDatasetVersion", "PublishDatasetVersion" }) yield return new("POST", $"/v2/dataset?Action={action}", new { versionId = mine.Dataset });
        foreach (var action in new[] { "DeleteDataset", "CreateDatasetVersion", "DescribeDatasetVersions" }) yield return new("POST", $"/v2/dataset?Action={action}", new { datasetId = mine.Group });
        yield return new("POST", "/v2/dataset?Action=CreateImportTask", new { versionId = mine.Dataset, files = new[] { mine.File } });
        yield return new("POST", "/v2/dataset?Action=CreateExportTask", new { versionId = mine.Dataset });
        yield return new("POST", "/v2/dataset?Action=DescribeExportTask", new { taskId = mine.DatasetExport });
        yield return new("POST", "/v2/dataset?Action=DescribeImportTask", new { taskId = $"import-{mine.Dataset[3..]}-1" });
        foreach (var action in new[] { "DescribeFineTuningTask", "StopFineTuningTask", "ResumeFineTuningTask", "DeleteFineTuningTask" }) yield return new("POST", $"/v2/finetuning?Action={action}", new { taskId = mine.Task });
        yield return new("POST", "/v2/finetuning?Action=SetFineTuningTaskPriority", new { taskId = mine.Task, priority = "high" });
        foreach (var action in new[] { "DescribeFineTuningTasks", "DeleteFineTuningJob" }) yield return new("POST", $"/v2/finetuning?Action={action}", new { jobId = mine.Job });
        yield return new("POST", "/v2/finetuning?Action=CreateFineTuningTask", new { jobId = mine.Job, parameterScale = "LoRA", hyperParameterConfig = new { }, datasetConfig = new { versions = new[] { new { versionId = mine.Dataset } }, splitRatio = 0 } });
        yield return new("GET", $"/v2/finetuning/tasks/{mine.Task}/events");
        yield return new("POST", "/wenxinworkshop/finetune/createJob", new { taskId = mine.Job, trainType = "qianfan-tiny", trainConfig = new { }, trainset = new[] { new { type = 1, id = mine.Dataset } } });
        foreach (var action in new[] { "jobDetail", "stopJob" }) yield return new("POST", $"/wenxinworkshop/finetune/{action}", new { taskId = mine.Job, jobId = mine.Task });
        yield return new("POST", "/wenxinworkshop/modelrepo/publishTrainModel", new { modelName = "x", versionMeta = new { taskId = mine.Job, iterationId = mine.Task } });
        yield return new("POST", "/wenxinworkshop/modelrepo/modelDetail", new { modelId = mine.Set });
        yield return new("POST", "/wenxinworkshop/modelrepo/modelVersionDetail", new { modelVersionId = mine.Version });
        yield return new("POST", "/wenxinworkshop/modelrepo/model/batchDelete", new { modelIDs = new[] { mine.Set } });
        yield return new("POST", "/wenxinworkshop/modelrepo/model/version/batchDelete", new { modelVersionIds = new[] { mine.Version } });
        foreach (var action in new[] { "DescribeModelSet", "DeleteModelSet" }) yield return new("POST", $"/v2/model?Action={action}", new { modelSetId = mine.Set });
        foreach (var action in new[] { "DescribeModel", "DeleteModel" }) yield return new("POST", $"/v2/model?Action={action}", new { modelId = mine.Version });
        yield return new("POST", "/v2/model?Action=CreateCustomModel", new { modelSetId = mine.Set, trainMeta = new { taskId = mine.Task } });
        foreach (var action in new[] { "CreateModelExportTask", "DescribeModelExportTask", "DescribeModelExportTasks" }) yield return new("POST", $"/v2/model?Action={action}", new { modelId = mine.Version });
        yield return new("POST", "/v2/model?Action=DeleteModelExportTask", new { exportTaskId = mine.ModelExport });
        yield return new("GET", $"/v2/model/exports/{mine.ModelExport}/content");
        foreach (var action in new[] { "DescribeService", "RollbackService", "StopService", "StartService", "DeleteService" }) yield return new("POST", $"/v2/service?Action={action}", new { serviceId = mine.Service });
        yield return new("POST", "/v2/service?Action=DescribeServiceMetric", new { startTime = "2026-01-01T00:00:00Z", endTime = "2026-01-02T00:00:00Z", serviceId = new[] { mine.Service } });
        yield return new("POST", "/v2/service?Action=ModifyService", new { serviceId = mine.Service, modelSetId = mine.Set, modelId = mine.Version });
        yield return new("POST", "/v2/service?Action=CreateService", new { modelSetId = mine.Set, modelId = mine.Version, name = "s", urlSuffix = "theirs" });
        yield return new("POST", "/wenxinworkshop/service/apply", new { modelId = mine.Set, modelVersionId = mine.Version, name = "s", uri = "theirs" });
        yield return new("POST", "/wenxinworkshop/service/detail", new { serviceId = mine.Service });
    }
}
