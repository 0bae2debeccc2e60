using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>
/// Every request that the official Python clients were recorded with, sent again. Where the recorded server answered, ours has to answer with
/// every field of it, of the same kind; where it didn't, ours has to say so in the API's own way.
/// </summary>
public sealed class ReplayTests
{
    private const string ChatRoot = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/";

    /// <summary>What this platform doesn't do; docs/platform.md says why. The answer is an error.</summary>
    private static readonly string[] s_notServed =
    [
        "/wenxinworkshop/modelrepo/eval/", "?CreateModelCompTask",
    ];

    /// <summary>Scenarios that train in a way that isn't served, or on other datasets than the platform's own.</summary>
    private static readonly string[] s_otherTraining = ["dpo", "finetune_bos"];

    /// <summary>
    /// What the recorded server only played: an endpoint that fails, one that fails twice, a token that has expired, a job that is stopped after its end,
    /// a checkpoint and a row that there never were, a row that is deleted after the release; and an import from a link and an export to a bucket, which this platform doesn't do.
    /// </summary>
    private static readonly string[] s_played =
        ["chat_oauth 4", "chat_retry 1", "chat_retry 2", "token_expired 1", "oauth_bad 1", "finetune_failed", "finetune_v1_console 15", "service_model_v1_console 7", "dataset_v1_console 4", "dataset_v1_console 9", "dataset_v1_console 13", "dataset_v1_console 14"];

    [Fact]
    public async Task Every_recorded_request_is_answered_with_every_recorded_field()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-replay-").FullName;
        WriteBaseModel(folder);
        await using var host = await PlatformHost.StartAsync(folder: folder, configure: options =>
        {
            foreach (var name in new[] { "ERNIE-Speed-8K", "ERNIE-Speed", "ERNIE-Bot-turbo-0725", "ERNIE-Bot-turbo", "ernie-lite-8k", "ernie-3.5-8k", "my_endpoint", "ernie_speed", "completions", "test_retry_h1", "my_comp", "my_emb", "embedding-v1" })
                options.ModelAliases[name] = "wide";
        });
        var replay = new Replay(host);
        await replay.PrepareAsync();
        var problems = new List<string>();
        var compared = 0;
        foreach (var scenario in Recording.Scenarios())
        {
            replay.Begin(scenario[0].Scenario == "post_pretrain");
            foreach (var recording in scenario)
            {
                var (status, text) = await replay.SendAsync(recording);
                if (status >= 500) problems.Add($"{recording}: {status} {text}");
                else if (recording.Sse is { } events) problems.AddRange(CompareStream(recording, events, text));
                else if (JsonNode.Parse(text) is not JsonObject answer) problems.Add($"{recording}: {text}");
                else if (MustBeServed(recording))
                {
                    compared++;
                    problems.AddRange(Compare(recording, answer));
                    await replay.LearnAsync(recording, answer, autoImport: scenario.All(other => !other.Path.EndsWith("dataset/import", StringComparison.Ordinal)));
                }
                else if (s_notServed.Any(recording.Call.Contains) && !IsError(answer)) problems.Add($"{recording}: it is said not to be served, and is: {text}");
            }
        }

        problems.ShouldBeEmpty(string.Join('\n', problems));
        compared.ShouldBeGreaterThan(230);
    }

    private static bool MustBeServed(Recording recording) =>
        recording.Status == 200
        && !s_notServed.Any(recording.Call.Contains)
        && !s_otherTraining.Contains(recording.Scenario)
        && !s_played.Any(played => $"{recording.Scenario} {recording.Seq}" == played || recording.Scenario == played);

    private static bool IsError(JsonObject answer) => answer.ContainsKey("error_code") || answer.ContainsKey("code") || answer.ContainsKey("error");

    private static IEnumerable<string> Compare(Recording recording, JsonObject answer)
    {
        var recorded = (JsonObject)recording.Answer!;
        if (IsError(recorded) != IsError(answer)) return [$"{recording}: {answer.ToJsonString()}"];
        // An object keyed by the caller's ids has other keys with us.
        if (recording.Path.EndsWith("statusList", StringComparison.Ordinal)) (recorded, answer) = (First(recorded["result"]!), First(answer["result"]!));
        // A log id is text or number in the recordings; text here.
        return Differences(recorded, answer, "").Where(path => !s_absent.Any($"{recording.Call} {path}".StartsWith) && path is not ".log_id").Select(path => $"{recording}: {path} is missing or of another kind in {answer.ToJsonString()}");
    }

    /// <summary>Recorded members that no client reads, and that mean nothing here.</summary>
    private static readonly string[] s_absent =
    [
        // Spelled so by one of the recorded servers, finishTime by the other.
        "/wenxinworkshop/finetune/jobDetail .result.finishtime",
        // Metrics of generated texts, which training here doesn't generate; the losses stand beside them.
        "/v2/finetuning?DescribeFineTuningTask .result.metrics.",
        // With a capital letter in the recording, which no client reads.
        "/wenxinworkshop/dataset/create .result.ShouldHide",
        "/wenxinworkshop/dataset/importErrorDetail .result.dataType", "/wenxinworkshop/dataset/importErrorDetail .result.isZip",
        // Statistics of texts.
        "/wenxinworkshop/entity/list .result.items[0].textExtra.",
        // Models here call no functions; the other two are a stream's, and this was none.
        ChatRoot + "completions .function_call", ChatRoot + "completions .sentence_id", ChatRoot + "completions .is_end",
    ];

    private static IEnumerable<string> Differences(JsonNode? recorded, JsonNode? answer, string path)
    {
        switch (recorded)
        {
            case null:
                yield break;
            case JsonObject members:
                foreach (var (name, value) in members)
                {
                    var at = $"{path}.{name}";
                    if (answer is not JsonObject ours || !ours.ContainsKey(name)) yield return at;
                    else foreach (var difference in Differences(value, ours[name], at)) yield return difference;
                }

                break;
            case JsonArray { Count: > 0 } list:
                if (answer is not JsonArray items) yield return path;
                else if (items.Count > 0)
                {
                    foreach (var difference in Differences(list[0], items[0], path + "[0]")) yield return difference;
                }

                break;
            default:
                if (answer is not null && Kind(recorded) != Kind(answer)) yield return path;
                break;
        }
    }

    private static JsonValueKind Kind(JsonNode node) => node.GetValueKind() is JsonValueKind.False ? JsonValueKind.True : node.GetValueKind();

    private static JsonObject First(JsonNode result) => result.AsObject().First().Value!.AsObject();

    private static IEnumerable<string> CompareStream(Recording recording, JsonArray events, string text)
    {
        var blocks = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        var v2 = recording.Path.StartsWith("/v2", StringComparison.Ordinal);
        if (v2 != (blocks[^1] == "data: [DONE]")) return [$"{recording}: a wrong end of the stream: {blocks[^1]}"];
        var chunks = blocks.Take(v2 ? blocks.Length - 1 : blocks.Length).Select(block => JsonNode.Parse(block["data: ".Length..])!).ToList();
        var recorded = events.Select(entry => entry!["data"]).OfType<JsonObject>().ToList();
        if (v2) return Differences(recorded[0]["id"], chunks[0]["id"], ".id").Concat(Differences(recorded[0]["choices"]![0]!["delta"], chunks[1]["choices"]![0]!["delta"], ".delta")).Select(path => $"{recording}: {path}");
        return Differences(recorded[0], chunks[0], "").Concat(Differences(recorded[^1], chunks[^1], "")).Select(path => $"{recording}: {path} is missing or of another kind");
    }

    private static void WriteBaseModel(string folder)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder, "engine", "models", "wide")).FullName;
        const string Limits = """{ "epoch": { "default": 1, "min": 1, "max": 50 }, "learningRate": { "default": 0.00003, "min": 0.0000001, "max": 0.01 }, "batchSize": { "default": 1, "min": 1, "max": 64 }, "maxSeqLen": { "default": 4096, "choices": [4096, 8192] } }""";
        File.WriteAllText(Path.Combine(model, "qianfan.json"), $$"""{ "displayName": "Wide", "description": "For replays", "contextLength": 8192, "defaultParameterScale": "LoRA", "parameterScales": { "FullFineTuning": {{Limits}}, "LoRA": {{Limits}} } }""");
    }

    /// <summary>Something with both of its ids.</summary>
    private sealed record Both(string Text, int? Number = null)
    {
        public JsonNode Like(JsonNode recorded) => recorded.GetValueKind() == JsonValueKind.Number && Number is { } number ? number : Text;
    }

    /// <summary>Sends recorded requests with the ids of our own things in place of the recorded ones: what the scenario made last, else what was prepared.</summary>
    private sealed class Replay(PlatformHost host)
    {
        private readonly Dictionary<string, Both> _prepared = [];
        private Dictionary<string, Both> _now = [];
        private int _names;
        private string _endpoint = "";
        private string _token = "";

        public async Task PrepareAsync()
        {
            var client = host.Client;
            var dataset = await client.DatasetAsync(string.Join('\n', Enumerable.Repeat(PlatformCalls.TwoRows, 20)));
            _prepared["dataset"] = new Both(dataset, (await client.V1Async("dataset/info", new { datasetId = dataset })).Result()["versionInfo"]!["id"]!.GetValue<int>());
            var (job, task) = await client.TaskAsync(model: "ERNIE-Speed-8K", dataset: dataset);
            await client.AwaitTaskAsync(task, "Done");
            var (texts, _) = await client.ImportAsync("one text\nanother\n"u8.ToArray(), templateType: 40100);
            await client.V1Async("dataset/release", new { datasetId = texts });
            _prepared["texts"] = new Both(texts);
            _prepared["job"] = new Both(job);
            _prepared["task"] = new Both(task);
            var (set, version) = await client.PublishAsync(job, task, "prepared");
            var detail = (await client.V1Async("modelrepo/modelVersionDetail", new { modelVersionId = version })).Result();
            _prepared["set"] = new Both(set, detail["modelId"]!.GetValue<int>());
            _prepared["version"] = new Both(version, detail["modelVersionId"]!.GetValue<int>());
            var applied = (await client.V1Async("service/apply", new { modelId = set, modelVersionId = version, name = "prepared", uri = "prepared" })).Result();
            _prepared["service"] = new Both(applied.Text("serviceIdStr"), applied["serviceId"]!.GetValue<int>());
            await client.AwaitServiceAsync(applied.Text("serviceIdStr"), "Serving");
            _prepared["file"] = new Both(await client.UploadAsync());
            _token = (await client.PostAsync($"/oauth/2.0/token?grant_type=client_credentials&client_id={PlatformHost.AccessKey}&client_secret={Uri.EscapeDataString(PlatformHost.SecretKey)}", new { })).Text("access_token");
        }

        public void Begin(bool onTexts)
        {
            _now = new Dictionary<string, Both>(_prepared);
            if (onTexts) _now["dataset"] = _prepared["texts"];
            _endpoint = "prepared";
        }

        public async Task<(int Status, string Text)> SendAsync(Recording recording)
        {
            if (recording.Path.EndsWith("publishTrainModel", StringComparison.Ordinal)) await host.Client.AwaitTaskAsync(_now["task"].Text, "Done", "Stopped");
            var path = recording.Path;
            if (path is ChatRoot + "kzpitmni_daxx" or ChatRoot + "xbiimimv_xxx")
            {
                await host.Client.AwaitServiceAsync(_now["service"].Text, "Serving");
                path = ChatRoot + _endpoint;
            }

            using var client = host.CreateClient(recording.Query?.ContainsKey("access_token") == true || path.StartsWith("/oauth", StringComparison.Ordinal) ? null : $"bce-v3/{PlatformHost.AccessKey}/{PlatformHost.SecretKey}");
            using var request = new HttpRequestMessage(new HttpMethod(recording.Method), path + "?" + string.Join('&', (recording.Query ?? new Dictionary<string, string>()).Select(pair => $"{pair.Key}={Uri.EscapeDataString(Secret(pair.Value))}")));
            if (recording.Body is { } body) request.Content = JsonContent.Create(Substitute(recording, body.DeepClone()));
            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        /// <summary>Notes what a request made.</summary>
        public async Task LearnAsync(Recording recording, JsonObject answer, bool autoImport)
        {
            if (recording.Path.EndsWith("dataset/import", StringComparison.Ordinal)) await host.Client.ImportedAsync(_now["dataset"].Text);
            if (answer["result"] is not JsonObject result) return;
            switch (recording.Call)
            {
                case "/wenxinworkshop/dataset/create":
                    _now["dataset"] = new Both(result.Text("datasetId"), result["id"]!.GetValue<int>());
                    if (autoImport) await FillAsync(result.Text("datasetId"));
                    break;
                case "/wenxinworkshop/finetune/createTask":
                    _now["job"] = new Both(result.Text("uuid"), result["id"]!.GetValue<int>());
                    break;
                case "/wenxinworkshop/finetune/createJob":
                    _now["task"] = new Both(result.Text("uuid"), result["id"]!.GetValue<int>());
                    break;
                case "/v2/finetuning?CreateFineTuningJob":
                    _now["job"] = new Both(result.Text("jobId"));
                    break;
                case "/v2/finetuning?CreateFineTuningTask":
                    _now["task"] = new Both(result.Text("taskId"));
                    break;
                case "/wenxinworkshop/modelrepo/publishTrainModel":
                    _now["set"] = new Both(result.Text("modelIDStr"), result["modelId"]!.GetValue<int>());
                    _now["version"] = new Both(result.Text("versionIdStr"), result["versionId"]!.GetValue<int>());
                    break;
                case "/wenxinworkshop/service/apply":
                    _now["service"] = new Both(result.Text("serviceIdStr"), result["serviceId"]!.GetValue<int>());
                    break;
                case "/v2/service?CreateService":
                    _now["service"] = new Both(result.Text("serviceId"));
                    break;
                case "/wenxinworkshop/service/detail":
                    _endpoint = result.Text("uri");
                    break;
                case "/v2/service?DescribeService":
                    // As the client does: what stands after the last slash.
                    _endpoint = result.Text("url").Split('/')[^1];
                    break;
            }
        }

        private async Task FillAsync(string dataset)
        {
            await host.Client.V1Async("dataset/import", new { datasetId = dataset, files = new[] { _now["file"].Text } });
            await host.Client.ImportedAsync(dataset);
            await host.Client.V1Async("dataset/release", new { datasetId = dataset });
        }

        private string Secret(string value) => value switch
        {
            "<AK>" => PlatformHost.AccessKey,
            "<SK>" => PlatformHost.SecretKey,
            "<ACCESS_TOKEN>" => _token,
            _ => value,
        };

        private JsonNode Substitute(Recording recording, JsonNode node)
        {
            switch (node)
            {
                case JsonObject members:
                    foreach (var (name, value) in members.ToList())
                    {
                        if (value is JsonArray list && KindOf(recording, name.TrimEnd('s')) is { } many && list.All(item => item is JsonValue)) members[name] = new JsonArray([.. list.Select(item => _now[many].Like(item!))]);
                        else if (value is JsonValue && KindOf(recording, name) is { } kind) members[name] = (name == "incrementTaskId" ? _prepared : _now)[kind].Like(value);
                        else if (name is "modelName" or "urlSuffix" or "modelSetName" && value is JsonValue) members[name] = $"{value}-{(++_names).ToString(CultureInfo.InvariantCulture)}";
                        else if (value is not null) Substitute(recording, value);
                    }

                    return members;
                case JsonArray items:
                    foreach (var item in items.ToList()) Substitute(recording, item!);
                    return items;
                default:
                    return node;
            }
        }

        private static string? KindOf(Recording recording, string member) => (recording.Path.Split('/')[2], member) switch
        {
            ("dataset" or "entity", "datasetId") => "dataset",
            ("dataset", "file") when recording.Path.StartsWith("/wenx", StringComparison.Ordinal) => "file",
            ("finetune", "taskId") => "job",
            ("finetune", "jobId") => "task",
            ("finetune", "id") => "dataset",
            ("finetuning", "jobId") => "job",
            ("finetuning", "marker") when recording.Call.EndsWith("Tasks", StringComparison.Ordinal) => "task",
            ("finetuning", "taskId" or "incrementTaskId") => "task",
            ("finetuning", "versionId") => "dataset",
            ("modelrepo", "taskId") => "job",
            ("modelrepo", "iterationId") => "task",
            ("modelrepo", "modelId") => "set",
            ("modelrepo", "modelVersionId") => "version",
            ("model", "modelSetId") => "set",
            ("model", "modelId" or "sourceModelId") => "version",
            ("model", "taskId") => "task",
            ("service", "modelId") when recording.Path.StartsWith("/wenx", StringComparison.Ordinal) => "set",
            ("service", "modelVersionId") => "version",
            ("service", "modelSetId") => "set",
            ("service", "modelId") => "version",
            ("service", "serviceId") => "service",
            _ => null,
        };
    }
}
