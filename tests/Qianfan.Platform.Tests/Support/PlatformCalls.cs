using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Platform.Tests.Support;

/// <summary>Calls that many tests make.</summary>
internal static class PlatformCalls
{
    public const string TwoRows = """
        [{"prompt":"What is the capital of Atlantis?","response":[["Poseidonis."]]}]
        {"messages":[{"role":"user","content":"你好"},{"role":"assistant","content":"您好，有什么可以帮您？"}]}
        """;

    /// <summary>A console V1 call; the whole answer.</summary>
    public static async Task<JsonObject> V1Async(this HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync("/wenxinworkshop/" + path, body, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    /// <summary>A console V2 call; the whole answer.</summary>
    public static async Task<JsonObject> V2Async(this HttpClient client, string area, string action, object body)
    {
        using var response = await client.PostAsJsonAsync($"/v2/{area}?Action={action}", body, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public static async Task<JsonObject> PostAsync(this HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public static async Task<JsonObject> GetJsonAsync(this HttpClient client, string path)
    {
        using var response = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public static async Task<JsonObject> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return JsonNode.Parse(text) as JsonObject ?? throw new InvalidOperationException($"{(int)response.StatusCode} {text}");
    }

    /// <summary>The result of an answer; an error fails the test with its text.</summary>
    public static T Result<T>(this JsonObject answer) => answer["result"] is { } result ? result.GetValue<T>() : throw new InvalidOperationException(answer.ToJsonString());

    public static JsonObject Result(this JsonObject answer) => answer["result"] as JsonObject ?? throw new InvalidOperationException(answer.ToJsonString());

    public static string Text(this JsonNode node, string member) => (string?)node[member] ?? throw new InvalidOperationException($"no {member} in {node.ToJsonString()}");

    /// <summary>Uploads rows.</summary>
    public static async Task<string> UploadAsync(this HttpClient client, string rows = TwoRows, string name = "rows.jsonl")
    {
        using var content = PlatformHost.Upload(rows, name);
        using var response = await client.PostAsync("/v1/files", content, TestContext.Current.CancellationToken);
        return (await ReadAsync(response)).Text("id");
    }

    /// <summary>Makes a dataset of rows, imported and released.</summary>
    public static async Task<string> DatasetAsync(this HttpClient client, string rows = TwoRows)
    {
        var file = await client.UploadAsync(rows);
        var created = await client.V1Async("dataset/create", new { name = "rows", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" });
        var id = created.Result().Text("datasetId");
        (await client.V1Async("dataset/import", new { datasetId = id, annotated = true, importFrom = 1, files = new[] { file } })).Result<bool>().ShouldBeTrue();
        (await client.ImportedAsync(id))["importStatus"]!.GetValue<int>().ShouldBe(2);
        (await client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        return id;
    }

    /// <summary>Makes a dataset and imports a file into it, however that ends.</summary>
    public static async Task<(string Id, JsonObject Info)> ImportAsync(this HttpClient client, byte[] content, int templateType = 2000, string name = "rows")
    {
        using var upload = new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" }, { new ByteArrayContent(content), "file", name } };
        using var response = await client.PostAsync("/v1/files", upload, TestContext.Current.CancellationToken);
        var file = (await ReadAsync(response)).Text("id");
        var created = await client.V1Async("dataset/create", new { name = "rows", versionId = 1, projectType = templateType / 100, templateType, dataType = 4, storageType = "sysBos" });
        var id = created.Result().Text("datasetId");
        (await client.V1Async("dataset/import", new { datasetId = id, files = new[] { file } })).Result<bool>().ShouldBeTrue();
        return (id, await client.ImportedAsync(id));
    }

    /// <summary>The first rows in the internal form, as JSON.</summary>
    public static async Task<IReadOnlyList<string>> RowsAsync(this HttpClient client, string datasetId) =>
        [.. (await client.V1Async("entity/list", new { datasetId, pageSize = 30 })).Result()["items"]!.AsArray().Select(item => item!["textExtra"]!.ToJsonString(s_readable))];

    /// <summary>Why rows were refused: line and message.</summary>
    public static async Task<IReadOnlyList<(int Line, string Message)>> ErrorsAsync(this HttpClient client, string datasetId) =>
        [.. (await client.V1Async("dataset/importErrorDetail", new { datasetId, errCode = 0 })).Result()["content"]!.AsArray().Select(error => (error!["sequence"]!.GetValue<int>(), error.Text("textContent")))];

    /// <summary>A dataset's version info once its tokens are counted.</summary>
    public static async Task<JsonObject> CountedAsync(this HttpClient client, string datasetId)
    {
        while (true)
        {
            var info = (await client.V1Async("dataset/info", new { datasetId })).Result()["versionInfo"]!.AsObject();
            if (info["tokenStatistics"]!.AsArray().Count > 0) return info;
            await BreatheAsync();
        }
    }

    private static readonly System.Text.Json.JsonSerializerOptions s_readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A dataset's version info once nothing is imported into it any more.</summary>
    public static async Task<JsonObject> ImportedAsync(this HttpClient client, string datasetId)
    {
        while (true)
        {
            var info = (await client.V1Async("dataset/info", new { datasetId })).Result()["versionInfo"]!.AsObject();
            if (info["importStatus"]!.GetValue<int>() is not (1 or -1)) return info;
            await BreatheAsync();
        }
    }

    /// <summary>Queues a task over a new dataset.</summary>
    public static async Task<(string Job, string Task)> TaskAsync(this HttpClient client, string scale = "FullFineTuning", object? hyperParameters = null, string? dataset = null, int splitRatio = 20, string model = "qianfan-tiny")
    {
        dataset ??= await client.DatasetAsync();
        var job = (await client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model, trainMode = "SFT" })).Result().Text("jobId");
        var task = await client.V2Async("finetuning", "CreateFineTuningTask", new
        {
            jobId = job,
            parameterScale = scale,
            hyperParameterConfig = hyperParameters ?? new { epoch = 1 },
            datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = dataset } }, splitRatio = 20 },
        });
        return (job, task.Result().Text("taskId"));
    }

    public static async Task<JsonObject> DescribeTaskAsync(this HttpClient client, string taskId) =>
        (await client.V2Async("finetuning", "DescribeFineTuningTask", new { taskId })).Result();

    /// <summary>The task once it has had a status; told by its events, not by asking again and again.</summary>
    public static async Task<JsonObject> AwaitTaskAsync(this HttpClient client, string taskId, params string[] statuses)
    {
        using var response = await client.GetAsync($"/v2/finetuning/tasks/{taskId}/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (statuses.Any(status => line.Contains($"\"runStatus\":\"{status}\"", StringComparison.Ordinal))) return await client.DescribeTaskAsync(taskId);
        }

        throw new InvalidOperationException($"The task never was {string.Join(" or ", statuses)}: {(await client.DescribeTaskAsync(taskId)).ToJsonString()}");
    }

    /// <summary>The service once it has a status.</summary>
    public static async Task<JsonObject> AwaitServiceAsync(this HttpClient client, string serviceId, params string[] statuses)
    {
        while (true)
        {
            var service = (await client.V2Async("service", "DescribeService", new { serviceId })).Result();
            if (statuses.Contains(service.Text("runStatus"))) return service;
            await BreatheAsync();
        }
    }

    /// <summary>Publishes a task that is done.</summary>
    public static async Task<(string Set, string Version)> PublishAsync(this HttpClient client, string job, string task, string name = "m_test")
    {
        var published = (await client.V1Async("modelrepo/publishTrainModel", new { isNewModel = true, modelName = name, versionMeta = new { taskId = job, iterationId = task } })).Result();
        return (published.Text("modelIDStr"), published.Text("versionIdStr"));
    }

    /// <summary>A model version out of nothing: its set and itself.</summary>
    public static async Task<(string Set, string Version)> ModelAsync(this HttpClient client, string scale = "LoRA", string name = "m_test")
    {
        var (job, task) = await client.TaskAsync(scale);
        await client.AwaitTaskAsync(task, "Done");
        return await client.PublishAsync(job, task, name);
    }

    /// <summary>Asks for an export.</summary>
    public static async Task<JsonObject> ExportAsync(this HttpClient client, string version, string? format = null) =>
        (await client.V2Async("model", "CreateModelExportTask", new { modelId = version, format })).Result();

    /// <summary>The export of a form once it has a status.</summary>
    public static async Task<JsonObject> AwaitExportAsync(this HttpClient client, string version, string format, params string[] statuses)
    {
        while (true)
        {
            var export = (await client.V2Async("model", "DescribeModelExportTask", new { modelId = version, format })).Result();
            if (statuses.Contains(export.Text("status"))) return export;
            await BreatheAsync();
        }
    }

    /// <summary>All events until the stream ends.</summary>
    public static async Task<IReadOnlyList<(long Id, string Kind, JsonObject Data)>> EventsAsync(this HttpClient client, string taskId, long after = 0)
    {
        var text = await client.GetStringAsync($"/v2/finetuning/tasks/{taskId}/events?after={after}", TestContext.Current.CancellationToken);
        return [.. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(block => !block.StartsWith(':')).Select(Parse)];
    }

    private static (long, string, JsonObject) Parse(string block)
    {
        var lines = block.Split('\n');
        return (long.Parse(lines[0]["id: ".Length..], System.Globalization.CultureInfo.InvariantCulture), lines[1]["event: ".Length..], JsonNode.Parse(lines[2]["data: ".Length..])!.AsObject());
    }

    /// <summary>The chunks of a streamed answer that ends well.</summary>
    public static async Task<List<JsonNode>> ChunksAsync(this HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken);
        var blocks = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        blocks[^1].ShouldBe("data: [DONE]");
        return [.. blocks[..^1].Select(block => JsonNode.Parse(block["data: ".Length..])!)];
    }

    /// <summary>Leaves the processor to others between two questions.</summary>
    public static Task BreatheAsync() => Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
}
