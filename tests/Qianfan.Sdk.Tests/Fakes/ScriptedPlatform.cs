using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>A platform in memory: keeps jobs, tasks, models, services and datasets like a real one, follows a script for what happens to tasks, and lets a test step in before and after each call takes effect.</summary>
internal sealed class ScriptedPlatform : HttpMessageHandler
{
    private readonly Lock _sync = new();
    private readonly List<string> _files = [];
    private bool _imported;
    private int _template = 2000;

    public List<RecordedRequest> Requests { get; } = [];

    public List<(string Id, string Name)> Jobs { get; } = [];

    public Dictionary<string, (string JobId, TaskLog Log)> Tasks { get; } = [];

    public List<(string Id, string Name)> ModelSets { get; } = [];

    public List<(string Id, string Name, string Status)> Services { get; } = [];

    public List<string> Datasets { get; } = [];

    public List<string> Uploads { get; } = [];

    /// <summary>What happens to a task when it is created (fromStep 0) or resumed. By default it is trained to the end at once.</summary>
    public Action<TaskLog, int> OnTrain { get; set; } = (log, fromStep) => Train(log, fromStep, 4, "Done");

    /// <summary>Called before a call takes effect; may throw in its place.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called after a call took effect, before its answer is given; may throw in place of the answer.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>What DescribeFineTuningTask tells, where the test has a say (polling); null tells the log's status.</summary>
    public Queue<JsonObject> Polls { get; } = new();

    public JsonArray? Checkpoints { get; set; }

    /// <summary>Breaks the event stream once after so many events; -1 never.</summary>
    public int BreakStreamAfter { get; set; } = -1;

    public bool ModelFails { get; set; }

    /// <summary>Status of services that are created.</summary>
    public string ServiceStatus { get; set; } = "Serving";

    /// <summary>What it makes of services; null where it doesn't say.</summary>
    public string? ServiceType { get; set; }

    /// <summary>What DescribeFineTuningTask tells as kind of training.</summary>
    public string TrainMode { get; set; } = "SFT";

    public int Count(string name) => Requests.Count(r => r.Name == name);

    public static void Train(TaskLog log, int fromStep, int steps, string end)
    {
        log.AddStatus("Running", "0%");
        log.Add("started", new JsonObject { ["fromStep"] = fromStep, ["totalSteps"] = 4 });
        for (var step = fromStep + 1; step <= steps; step++)
        {
            log.Add("metric", new JsonObject { ["step"] = step, ["totalSteps"] = 4, ["loss"] = 1.0 / step });
        }

        if (end.Length > 0)
        {
            log.AddStatus(end, end == "Done" ? "100%" : "50%");
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var uri = request.RequestUri!;
        var path = uri.AbsolutePath;
        var action = uri.Query.StartsWith("?Action=", StringComparison.Ordinal) ? uri.Query["?Action=".Length..] : null;
        var isJson = request.Content?.Headers.ContentType?.MediaType == "application/json";
        var text = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        var recorded = new RecordedRequest(
            request.Method.Method,
            path,
            action,
            isJson ? JsonNode.Parse(text!) : null,
            request.Headers.ToDictionary(h => h.Key, h => string.Join(',', h.Value), StringComparer.OrdinalIgnoreCase));
        lock (_sync)
        {
            Requests.Add(recorded);
        }

        await Before(recorded.Name);
        if (path.EndsWith("/events", StringComparison.Ordinal))
        {
            return Events(path.Split('/')[^2], recorded);
        }

        if (path == "/v1/files")
        {
            var files = Files(request, text);
            await After(recorded.Name);
            return files;
        }

        HttpResponseMessage answer;
        lock (_sync)
        {
            answer = Answer(recorded);
        }

        await After(recorded.Name);
        return answer;
    }

    private HttpResponseMessage Files(HttpRequestMessage request, string? text)
    {
        lock (_sync)
        {
            if (request.Method == HttpMethod.Get)
            {
                return Json(new JsonObject { ["data"] = new JsonArray([.. _files.Select((f, i) => new JsonObject { ["id"] = $"file-{i + 1}", ["filename"] = f })]) });
            }

            Uploads.Add(text!);
            var name = text!.Split("filename=")[1];
            _files.Add(name.Split(';', '\r', '\n')[0].Trim('"'));
            return Json(new JsonObject { ["id"] = $"file-{_files.Count}", ["object"] = "file" });
        }
    }

    private HttpResponseMessage Events(string taskId, RecordedRequest request)
    {
        var after = int.Parse(request.Headers["Last-Event-ID"], System.Globalization.CultureInfo.InvariantCulture);
        var breakAfter = BreakStreamAfter;
        BreakStreamAfter = -1;
        return new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StreamContent(new TaskLogStream(Tasks[taskId].Log, after, breakAfter)) { Headers = { ContentType = new MediaTypeHeaderValue("text/event-stream") } },
        };
    }

    private HttpResponseMessage Answer(RecordedRequest request)
    {
        var body = request.Body as JsonObject ?? [];
        string Text(string name) => body[name]!.GetValue<string>();
        switch (request.Name)
        {
            case "DescribeFineTuningSupportModels":
                return Result(new JsonArray(SupportedModel("ERNIE-Speed-8K"), SupportedModel("qianfan-tiny")));
            case "CreateFineTuningJob":
                Jobs.Add(($"job-{Jobs.Count + 1}", Text("name")));
                return Result(new JsonObject { ["jobId"] = Jobs[^1].Id });
            case "DescribeFineTuningJobs":
                return Result(new JsonObject
                {
                    ["jobList"] = new JsonArray([.. Jobs.Select(j => new JsonObject { ["jobId"] = j.Id, ["name"] = j.Name })]),
                    ["pageInfo"] = new JsonObject { ["isTruncated"] = false },
                });
            case "CreateFineTuningTask":
                var task = (Text("jobId"), new TaskLog());
                Tasks.Add($"task-{Tasks.Count + 1}", task);
                task.Item2.AddStatus("Waiting");
                OnTrain(task.Item2, 0);
                return Result(new JsonObject { ["jobId"] = Text("jobId"), ["taskId"] = $"task-{Tasks.Count}" });
            case "DescribeFineTuningTasks":
                return Result(new JsonObject
                {
                    ["taskList"] = new JsonArray([.. Tasks.Where(t => t.Value.JobId == Text("jobId")).Select(t => new JsonObject { ["taskId"] = t.Key, ["jobId"] = t.Value.JobId })]),
                });
            case "DescribeFineTuningTask" when !Tasks.ContainsKey(Text("taskId")):
                return Json(new JsonObject { ["requestId"] = "r", ["code"] = "NotFound", ["message"] = "no such task" }, HttpStatusCode.NotFound);
            case "DescribeFineTuningTask":
                var log = Tasks[Text("taskId")];
                var told = Polls.Count > 0 ? Polls.Dequeue() : new JsonObject { ["runStatus"] = log.Log.Status, ["runProgress"] = "50%" };
                told["taskId"] = Text("taskId");
                told["jobId"] = log.JobId;
                told["model"] = "qianfan-tiny";
                told["trainMode"] = TrainMode;
                told["checkpointList"] = Checkpoints?.DeepClone();
                told["metrics"] = new JsonObject { ["BLEU-4"] = "16.56%" };
                return Result(told);
            case "StopFineTuningTask":
                var stopping = Tasks[Text("taskId")].Log;
                if (stopping.Status is "Done" or "Failed" or "Stopped")
                {
                    return Result(JsonValue.Create(false));
                }

                stopping.AddStatus("Stopped");
                return Result(JsonValue.Create(true));
            case "ResumeFineTuningTask":
                var resuming = Tasks[Text("taskId")].Log;
                resuming.AddStatus("Waiting");
                OnTrain(resuming, 2);
                return Result(JsonValue.Create(true));
            case "publishTrainModel":
                ModelSets.Add(($"am-{ModelSets.Count + 1}", Text("modelName")));
                return Result(new JsonObject { ["modelIDStr"] = ModelSets[^1].Id, ["modelId"] = 12, ["versionId"] = 13 });
            case "DescribeModelSet":
                var set = ModelSets.FirstOrDefault(m => m.Id == body["modelSetId"]?.GetValue<string>() || m.Name == body["modelSetName"]?.GetValue<string>());
                return set.Id is null
                    ? Json(new JsonObject { ["requestId"] = "r", ["code"] = "NotFound", ["message"] = "no such model set" }, HttpStatusCode.NotFound)
                    : Result(new JsonObject { ["modelSetId"] = set.Id, ["modelSetName"] = set.Name, ["modelIds"] = new JsonArray(set.Id.Replace("am-", "amv-", StringComparison.Ordinal)) });
            case "modelVersionDetail":
                return Result(new JsonObject { ["modelVersionIdStr"] = Text("modelVersionId"), ["modelId"] = 12, ["state"] = ModelFails ? "Fail" : "Ready" });
            case "CreateService":
                Services.Add(($"svco-{Services.Count + 1}", Text("name"), ServiceStatus));
                return Result(new JsonObject { ["serviceId"] = Services[^1].Id });
            case "DescribeServices":
                return Result(new JsonObject { ["serviceList"] = new JsonArray([.. Services.Where(s => s.Name == Text("name")).Select(Describe)]) });
            case "DescribeService":
                return Result(Describe(Services.First(s => s.Id == Text("serviceId"))));
            case "StartService" or "StopService":
                var index = Services.FindIndex(s => s.Id == Text("serviceId"));
                Services[index] = Services[index] with { Status = request.Name == "StartService" ? "Serving" : "Stopped" };
                return Result(JsonValue.Create(true));
            case "create":
                Datasets.Add(Text("name"));
                _template = body["templateType"]!.GetValue<int>();
                return DatasetResult(new JsonObject { ["id"] = 101, ["datasetId"] = $"ds-{Datasets.Count}" });
            case "list":
                return DatasetResult(new JsonObject
                {
                    ["items"] = new JsonArray([.. Datasets.Select((name, i) => new JsonObject { ["name"] = name, ["versionInfo"] = new JsonObject { ["datasetPK"] = $"ds-{i + 1}" } })]),
                });
            case "import" or "release":
                _imported |= request.Name == "import";
                return DatasetResult(JsonValue.Create(true));
            case "info":
                return DatasetResult(new JsonObject
                {
                    ["name"] = "rows",
                    ["groupPK"] = 7,
                    ["versionInfo"] = new JsonObject { ["datasetPK"] = Text("datasetId"), ["importStatus"] = Datasets.Count == 0 || _imported ? 2 : -1, ["releaseStatus"] = 2, ["templateType"] = _template, ["entityCount"] = 200 },
                });
            default:
                return Json(new JsonObject { ["requestId"] = "r", ["code"] = "UnknownAction", ["message"] = request.Name }, HttpStatusCode.NotFound);
        }
    }

    private JsonObject Describe((string Id, string Name, string Status) service) => new()
    {
        ["serviceType"] = ServiceType,
        ["serviceId"] = service.Id,
        ["name"] = service.Name,
        ["runStatus"] = service.Status,
        ["url"] = $"http://platform.test/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/ep_{service.Id}",
    };

    private static JsonObject SupportedModel(string name) => new()
    {
        ["model"] = name,
        ["modelType"] = "text2text",
        ["supportTrainMode"] = new JsonArray(
            new JsonObject { ["trainMode"] = "SFT", ["supportParameterScale"] = new JsonArray(Scale("FullFineTuning"), Scale("LoRA")) },
            new JsonObject { ["trainMode"] = "PostPretrain", ["supportParameterScale"] = new JsonArray(Scale("FullFineTuning")) }),
    };

    private static JsonObject Scale(string scale) => new()
    {
        ["parameterScale"] = scale,
        ["supportHyperParameterConfig"] = new JsonArray(
            new JsonObject { ["key"] = "epoch", ["type"] = "int", ["checkType"] = "range", ["checkValue"] = new JsonArray(1, 50), ["default"] = 3 },
            new JsonObject { ["key"] = "learningRate", ["type"] = "float", ["checkType"] = "range", ["checkValue"] = new JsonArray(1e-6, 1e-2), ["default"] = 2e-5 },
            new JsonObject { ["key"] = "maxSeqLen", ["type"] = "int", ["checkType"] = "choice", ["checkValue"] = new JsonArray(512, 4096), ["default"] = 4096 }),
    };

    private static HttpResponseMessage Result(JsonNode result) => Json(new JsonObject { ["requestId"] = "r-1", ["log_id"] = 1, ["result"] = result });

    private static HttpResponseMessage DatasetResult(JsonNode result) => Json(new JsonObject { ["log_id"] = "1", ["status"] = 200, ["success"] = true, ["result"] = result });

    private static HttpResponseMessage Json(JsonObject body, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
}
