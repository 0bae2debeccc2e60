using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Nobody learns of what belongs to another owner, not even that it is there.</summary>
public sealed class OwnershipTests
{
    // Members and parameters by which something is named that exists already. With the type before it: in that body alone.
    private static readonly HashSet<string> s_names =
    [
        "datasetId", "datasetIds", "versionId", "files", "training_file", "validation_file", "part_ids", "after", "marker",
        "taskId", "jobId", "incrementTaskId", "iterationId", "exportTaskId",
        "modelId", "modelIDs", "modelSetId", "modelVersionId", "modelVersionIds", "serviceId",
        "EntityAnnotateRequest.id", "EntityDeleteRequest.id", "V1CreateJobRequest.trainset.id", "DescribeModelSetRequest.modelSetName", "appId",
        "ChatBody.model", "OpenAIChatBody.model", "OpenAICompletionBody.model", "EmbeddingsBody.model", "FineTuningJobBody.model",
    ];

    // And those that name nothing of anybody's.
    private static readonly HashSet<string> s_harmless =
    [
        // Texts, and what models are asked.
        "role", "content", "prompt", "system", "stop", "input", "suffix", "description", "labels", "tags", "metadata",
        // Names of what is being made, and filters on lists of one's own.
        "name", "datasetName", "modelName", "modelSetName", "urlSuffix", "uri", "filename", "filter", "nameFilter", "creator", "labelId",
        // Base models and their sizes, which are everybody's.
        "CreateFineTuningJobRequest.model", "FineTuningJobsRequest.model", "trainModel", "trainType", "baseTrainType", "serviceIds", "modelVersionVendor", "ctxLength", "languageSupport", "expansion",
        // Files of the host's own that every key may read, and storage that there is none of.
        "storagePath", "rawStoragePath", "versionBosUri", "storageId",
        // A number of its own: the first version of a new dataset.
        "DatasetCreateRequest.versionId",
        // Words, times and numbers.
        "sourceType", "modelType", "dataFormat", "storageType", "parameterScale", "priority", "type", "serviceType", "trainMode", "peftType", "format", "purpose", "order", "orderBy", "encoding_format", "md5",
        "paymentTiming", "reservationTimeUnit", "reservationLength", "chargeType", "chargeStatus", "payType", "runStatus", "apiTypefilter",
        "startTime", "endTime", "startDate", "endDate", "importTime", "annoTime",
        "projectType", "templateType", "dataType", "exportFormat", "exportType", "exportTo", "errCode", "importFrom", "tabType", "jobRunType", "poolType",
        "pageNo", "pageSize", "maxKeys", "offset", "bytes", "step", "incrementCheckpointStep", "replicas", "replicasCount", "trainsetRate",
        "top_k", "max_tokens", "max_completion_tokens", "max_output_tokens", "seed", "n", "best_of", "logprobs", "top_logprobs", "dimensions", "epoch", "batchSize", "maxSeqLen", "n_epochs", "batch_size", "learning_rate_multiplier",
        // Settings as they come.
        "importMeta", "hyperParameterConfig", "modelConfig", "resourceConfig", "corpusConfig", "logit_bias", "schema", "tool_choice",
    ];

    private sealed record Call(string Method, string Path, object? Body = null)
    {
        public override string ToString() => $"{Method} {Path} {JsonSerializer.Serialize(Body)}";
    }

    /// <summary>Ids of one of everything that an owner can have.</summary>
    private sealed record Owned(
        string File, string Upload, string Part, string Dataset, string Group, string Entity, string Import, string DatasetExport, string Job, string Task,
        string OpenAIJob, string Event, string Set, string SetName, string Version, string ModelExport, string Service, string Suffix, string Model, string Key)
    {
        public static Owned Nobodys { get; } = new(
            "file-000000000000000000000000", "upload_000000000000000000000000", "part_000000000000000000000000", "ds-0000000000000000", "dg-000000000000", "ds-0000000000000000-1", "import-0000000000000000-1",
            "export-000000000000", "job-000000000000", "task-000000000000", "ftjob-000000000000", "ftevent-000000000000-1", "am-000000000000", "m_none", "amv-000000000000", "amemt-000000000000", "svco-000000000000", "endpoint-none", "ft:none", "ALTAKnobody");

        /// <summary>As routes are written down.</summary>
        public static Owned Pattern { get; } = Properties.Aggregate(Nobodys, (all, property) => all.With(property, "nobodys-id"));

        /// <summary>The longest first: some stand within others.</summary>
        public IReadOnlyList<string> Ids => [.. Properties.Select(property => (string)property.GetValue(this)!).OrderByDescending(id => id.Length)];

        /// <summary>All of it another's; and each single one another's while the rest is the owner's.</summary>
        public IEnumerable<Owned> Mixed(Owned others) => [others, .. Properties.Select(property => With(property, property.GetValue(others)))];

        private static IEnumerable<PropertyInfo> Properties => typeof(Owned).GetProperties().Where(property => property.PropertyType == typeof(string));

        private Owned With(PropertyInfo property, object? value)
        {
            var copy = this with { };
            property.SetValue(copy, value);
            return copy;
        }
    }

    [Fact]
    public async Task Another_owners_lists_are_empty()
    {
        await using var host = await PlatformHost.StartAsync();
        await OwnEverythingAsync(host, host.Client);
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
    public async Task What_is_anothers_and_what_does_not_exist_are_answered_alike()
    {
        await using var host = await PlatformHost.StartAsync();
        using var other = host.OtherOwner();
        using var caller = host.Caller();
        var mine = await OwnEverythingAsync(host, host.Client);
        var own = await OwnEverythingAsync(host, other);
        var covered = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (foreign, none) in own.Mixed(mine).Zip(own.Mixed(Owned.Nobodys)))
        {
            foreach (var (theirs, nobodys, pattern) in Calls(foreign).Zip(Calls(none), Calls(Owned.Pattern)).Where(call => call.First.ToString() != call.Second.ToString()))
            {
                covered.UnionWith(Differing(theirs, nobodys).Select(place => $"{pattern.Method} {Bare(pattern.Path)}{place}"));
                var answer = await AskAsync(other, nobodys, Owned.Nobodys);
                (await AskAsync(other, theirs, mine)).ShouldBe(answer, theirs.ToString());
                // What a key may not do is refused before anybody looks what is there.
                if (await AskAsync(caller, nobodys, Owned.Nobodys) is var refused && refused.Contains(AccessTests.Refused, StringComparison.Ordinal)) (await AskAsync(caller, theirs, mine)).ShouldBe(refused, theirs.ToString());
            }
        }

        // And it is all still there.
        (await host.Client.AwaitTaskAsync(mine.Task, "Done")).Text("jobId").ShouldBe(mine.Job);
        (await host.Client.AwaitServiceAsync(mine.Service, "Serving")).Text("serviceId").ShouldBe(mine.Service);
        foreach (var path in new[] { "/v1/files/" + mine.File, "/v1/fine_tuning/jobs/" + mine.OpenAIJob, "/v1/models/" + mine.Model }) (await host.Client.GetJsonAsync(path)).ContainsKey("id").ShouldBeTrue(path);

        // Each id in an address, and each member that names something, stands in the list below.
        Route.All(host).SelectMany(Naming).Where(name => !covered.Contains(name)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_member_of_every_body_is_known_to_name_something_or_not()
    {
        await using var host = await PlatformHost.StartAsync();
        var members = Route.All(host).SelectMany(route => Members(route).Select(member => member.Key)).ToHashSet(StringComparer.Ordinal);
        // One that is new has to be put into one of the two lists.
        members.Where(member => !s_names.Contains(member) && !s_names.Contains(Last(member)) && !s_harmless.Contains(member) && !s_harmless.Contains(Last(member))).Order().ShouldBeEmpty();
        var known = members.Concat(members.Select(Last)).ToHashSet(StringComparer.Ordinal);
        s_names.Concat(s_harmless).Where(name => !known.Contains(name)).ShouldBeEmpty("nobody has these any more");
    }

    /// <summary>Where a route names something: in its address, and in members and parameters.</summary>
    private static IEnumerable<string> Naming(Route route)
    {
        var place = $"{route.Method} {route.Path}";
        // A tokenizer's name is any.
        if (route.Path.Contains("nobodys-id", StringComparison.Ordinal) && !route.Path.EndsWith("tokenizer/nobodys-id", StringComparison.Ordinal)) yield return place;
        foreach (var (key, path) in Members(route))
        {
            if (s_names.Contains(key) || (s_names.Contains(Last(key)) && !s_harmless.Contains(key))) yield return $"{place} {path}";
        }
    }

    /// <summary>A route's members that could hold an id: with the body's type, and their path alone.</summary>
    private static IEnumerable<(string Key, string Path)> Members(Route route) =>
        [.. route.Query.Select(name => (name, name)), .. route.Body is { } body ? JsonBodies.Members(body).Select(path => ($"{body.Name}.{path}", path)) : []];

    private static string Last(string member) => member[(member.LastIndexOf('.') + 1)..];

    /// <summary>The places in which two calls differ.</summary>
    private static IEnumerable<string> Differing(Call one, Call other)
    {
        if (Bare(one.Path) != Bare(other.Path)) yield return "";
        else if (one.Path != other.Path) yield return " after";
        var others = Values(JsonSerializer.SerializeToNode(other.Body), "").ToHashSet();
        foreach (var (member, _) in Values(JsonSerializer.SerializeToNode(one.Body), "").Where(value => !others.Contains(value))) yield return " " + member;
    }

    // As the path of a route: an action is a part of it, another parameter is not.
    private static string Bare(string path) => path.Split("?after=")[0];

    private static IEnumerable<(string Path, string Value)> Values(JsonNode? node, string path) => node switch
    {
        JsonObject members => members.SelectMany(member => Values(member.Value, path.Length == 0 ? member.Key : $"{path}.{member.Key}")),
        JsonArray items => items.SelectMany(item => Values(item, path)),
        null => [],
        _ => [(path, node.ToJsonString())],
    };

    /// <summary>Status and answer, without what differs from call to call.</summary>
    private static async Task<string> AskAsync(HttpClient client, Call call, Owned named)
    {
        using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.Path);
        if (call.Body is { } body) request.Content = JsonContent.Create(body);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var answer = await PlatformCalls.ReadAsync(response);
        foreach (var changing in new[] { "log_id", "requestId", "id" }) answer.Remove(changing);
        var text = named.Ids.Aggregate(answer.ToJsonString(), (text, id) => text.Replace(id, "<id>", StringComparison.Ordinal));
        return $"{(int)response.StatusCode} {text}";
    }

    private static async Task<Owned> OwnEverythingAsync(PlatformHost host, HttpClient client)
    {
        var name = client == host.Client ? "mine" : "own";
        var file = await client.UploadAsync();
        var upload = (await client.PostAsync("/v1/uploads", new { filename = "f", purpose = "fine-tune", bytes = 5 })).Text("id");
        using var content = new MultipartFormDataContent { { new ByteArrayContent("12345"u8.ToArray()), "data", "part" } };
        using var part = await client.PostAsync($"/v1/uploads/{upload}/parts", content, TestContext.Current.CancellationToken);
        var dataset = await client.DatasetAsync();
        var group = (await client.V1Async("dataset/info", new { datasetId = dataset })).Result().Text("groupPK");
        var entity = (await client.V1Async("entity/list", new { datasetId = dataset })).Result()["items"]![0]!.Text("id");
        var export = (await client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var (job, task) = await client.TaskAsync(dataset: dataset);
        await client.AwaitTaskAsync(task, "Done");
        var (set, version) = await client.PublishAsync(job, task, "m_" + name);
        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "endpoint-" + name })).Result().Text("serviceId");
        await client.AwaitServiceAsync(service, "Serving");
        var openAI = (await client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny" })).Text("id");
        while ((await client.GetJsonAsync("/v1/fine_tuning/jobs/" + openAI)).Text("status") != "succeeded") await PlatformCalls.BreatheAsync();
        var model = (await client.GetJsonAsync("/v1/fine_tuning/jobs/" + openAI)).Text("fine_tuned_model");
        var modelExport = (await client.ExportAsync(version)).Text("exportTaskId");
        await client.AwaitExportAsync(version, "safetensors", "Done");
        return new Owned(
            file, upload, (await PlatformCalls.ReadAsync(part)).Text("id"), dataset, group, entity, $"import-{dataset[3..]}-1", export, job, task,
            openAI, $"ftevent-{openAI["ftjob-".Length..]}-1", set, "m_" + name, version, modelExport, service, "endpoint-" + name, model, client == host.Client ? PlatformHost.AccessKey : "ALTAKother");
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
        yield return new("POST", $"/v1/uploads/{mine.Upload}/complete", new { part_ids = new[] { mine.Part } });
        yield return new("GET", $"/v1/models/{mine.Model}");
        yield return new("DELETE", $"/v1/models/{mine.Model}");
        foreach (var tail in new[] { "", "/events", "/checkpoints" }) yield return new("GET", $"/v1/fine_tuning/jobs/{mine.OpenAIJob}{tail}");
        foreach (var tail in new[] { "/cancel", "/pause", "/resume" }) yield return new("POST", $"/v1/fine_tuning/jobs/{mine.OpenAIJob}{tail}");
        yield return new("POST", "/v1/fine_tuning/jobs", new { training_file = mine.File, validation_file = mine.File, model = "qianfan-tiny" });
        yield return new("POST", "/v1/fine_tuning/jobs", new { training_file = "file-of-nobody", model = mine.Model });
        yield return new("GET", $"/v1/files?after={mine.File}");
        yield return new("GET", $"/v1/fine_tuning/jobs?after={mine.OpenAIJob}");
        foreach (var list in new[] { "events", "checkpoints" }) yield return new("GET", $"/v1/fine_tuning/jobs/{mine.OpenAIJob}/{list}?after={mine.Event}");
        foreach (var api in new[] { "/v1", "/v2" })
        {
            yield return new("POST", api + "/chat/completions", new { model = mine.Suffix, messages });
            yield return new("POST", api + "/completions", new { model = mine.Service, prompt = "hi" });
            yield return new("POST", api + "/embeddings", new { model = mine.Suffix, input = "hi" });
        }

        yield return new("POST", V1 + $"chat/{mine.Suffix}", new { messages, model = mine.Suffix });
        yield return new("POST", V1 + $"completions/{mine.Suffix}", new { prompt = "hi", model = mine.Suffix });
        yield return new("POST", V1 + $"embeddings/{mine.Suffix}", new { input = new[] { "hi" }, model = mine.Suffix });
        yield return new("POST", V1 + "tokenizer/nobodys-id", new { prompt = "hi", model = mine.Suffix });
        foreach (var action in new[] { "info", "release", "delete", "importErrorDetail", "export", "exportRecord" }) yield return new("POST", $"/wenxinworkshop/dataset/{action}", new { datasetId = mine.Dataset });
        yield return new("POST", "/wenxinworkshop/dataset/statusList", new { datasetIds = new[] { mine.Dataset } });
        yield return new("POST", "/wenxinworkshop/dataset/import", new { datasetId = mine.Dataset, files = new[] { mine.File } });
        yield return new("POST", "/wenxinworkshop/entity/list", new { datasetId = mine.Dataset });
        yield return new("POST", "/wenxinworkshop/entity/annotate", new { datasetId = mine.Dataset, id = mine.Entity, content = new[] { new { prompt = "a", response = "b" } } });
        yield return new("POST", "/wenxinworkshop/entity/delete", new { datasetId = mine.Dataset, id = new[] { mine.Entity } });
        foreach (var action in new[] { "DescribeDatasetVersion", "DeleteDatasetVersion", "PublishDatasetVersion" }) yield return new("POST", $"/v2/dataset?Action={action}", new { versionId = mine.Dataset });
        foreach (var action in new[] { "DeleteDataset", "CreateDatasetVersion", "DescribeDatasetVersions" }) yield return new("POST", $"/v2/dataset?Action={action}", new { datasetId = mine.Group });
        yield return new("POST", "/v2/dataset?Action=CreateImportTask", new { versionId = mine.Dataset, files = new[] { mine.File } });
        yield return new("POST", "/v2/dataset?Action=CreateExportTask", new { versionId = mine.Dataset });
        yield return new("POST", "/v2/dataset?Action=DescribeExportTask", new { taskId = mine.DatasetExport });
        yield return new("POST", "/v2/dataset?Action=DescribeImportTask", new { taskId = mine.Import });
        yield return new("POST", "/v2/dataset?Action=DescribeDatasets", new { marker = mine.Group });
        yield return new("POST", "/v2/dataset?Action=DescribeDatasetVersions", new { datasetId = mine.Group, marker = mine.Dataset });
        foreach (var action in new[] { "DescribeFineTuningTask", "StopFineTuningTask", "ResumeFineTuningTask", "DeleteFineTuningTask" }) yield return new("POST", $"/v2/finetuning?Action={action}", new { taskId = mine.Task });
        yield return new("POST", "/v2/finetuning?Action=SetFineTuningTaskPriority", new { taskId = mine.Task, priority = "high" });
        foreach (var action in new[] { "DescribeFineTuningTasks", "DeleteFineTuningJob" }) yield return new("POST", $"/v2/finetuning?Action={action}", new { jobId = mine.Job });
        yield return new("POST", "/v2/finetuning?Action=CreateFineTuningTask", new { jobId = mine.Job, parameterScale = "LoRA", hyperParameterConfig = new { }, incrementTaskId = mine.Task, datasetConfig = new { versions = new[] { new { versionId = mine.Dataset } }, splitRatio = 0 } });
        yield return new("POST", "/v2/finetuning?Action=DescribeFineTuningJobs", new { marker = mine.Job });
        yield return new("POST", "/v2/finetuning?Action=DescribeFineTuningTasks", new { jobId = mine.Job, marker = mine.Task });
        yield return new("GET", $"/v2/finetuning/tasks/{mine.Task}/events");
        yield return new("POST", "/wenxinworkshop/finetune/createJob", new { taskId = mine.Job, trainType = "qianfan-tiny", trainConfig = new { }, trainset = new[] { new { type = 1, id = mine.Dataset } } });
        foreach (var action in new[] { "jobDetail", "stopJob" }) yield return new("POST", $"/wenxinworkshop/finetune/{action}", new { taskId = mine.Job, jobId = mine.Task });
        yield return new("POST", "/wenxinworkshop/modelrepo/publishTrainModel", new { modelId = mine.Set, isNewModel = false, versionMeta = new { taskId = mine.Job, iterationId = mine.Task } });
        yield return new("POST", "/wenxinworkshop/modelrepo/modelDetail", new { modelId = mine.Set });
        yield return new("POST", "/wenxinworkshop/modelrepo/modelVersionDetail", new { modelVersionId = mine.Version });
        yield return new("POST", "/wenxinworkshop/modelrepo/model/batchDelete", new { modelIDs = new[] { mine.Set } });
        yield return new("POST", "/wenxinworkshop/modelrepo/model/version/batchDelete", new { modelVersionIds = new[] { mine.Version } });
        foreach (var action in new[] { "DescribeModelSet", "DeleteModelSet" }) yield return new("POST", $"/v2/model?Action={action}", new { modelSetId = mine.Set });
        yield return new("POST", "/v2/model?Action=DescribeModelSet", new { modelSetName = mine.SetName });
        yield return new("POST", "/v2/model?Action=DescribeCustomModelSets", new { marker = mine.Set });
        foreach (var action in new[] { "DescribeModel", "DeleteModel" }) yield return new("POST", $"/v2/model?Action={action}", new { modelId = mine.Version });
        yield return new("POST", "/v2/model?Action=CreateCustomModel", new { modelSetId = mine.Set, trainMeta = new { taskId = mine.Task } });
        foreach (var action in new[] { "CreateModelExportTask", "DescribeModelExportTask", "DescribeModelExportTasks" }) yield return new("POST", $"/v2/model?Action={action}", new { modelId = mine.Version });
        yield return new("POST", "/v2/model?Action=DeleteModelExportTask", new { exportTaskId = mine.ModelExport });
        yield return new("GET", $"/v2/model/exports/{mine.ModelExport}/content");
        foreach (var action in new[] { "DescribeService", "RollbackService", "StopService", "StartService", "DeleteService" }) yield return new("POST", $"/v2/service?Action={action}", new { serviceId = mine.Service });
        yield return new("POST", "/v2/service?Action=DescribeServices", new { marker = mine.Service });
        yield return new("POST", "/v2/service?Action=DescribeServiceMetric", new { startTime = "2026-01-01T00:00:00Z", endTime = "2026-01-02T00:00:00Z", serviceId = new[] { mine.Service }, appId = mine.Key });
        yield return new("POST", "/v2/service?Action=ModifyService", new { serviceId = mine.Service, modelSetId = mine.Set, modelId = mine.Version });
        yield return new("POST", "/v2/service?Action=CreateService", new { modelSetId = mine.Set, modelId = mine.Version, name = "s", urlSuffix = "theirs" });
        yield return new("POST", "/wenxinworkshop/service/apply", new { modelId = mine.Set, modelVersionId = mine.Version, name = "s", uri = "theirs" });
        yield return new("POST", "/wenxinworkshop/service/detail", new { serviceId = mine.Service });
    }
}
