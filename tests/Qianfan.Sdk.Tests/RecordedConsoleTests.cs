using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

/// <summary>
/// What the official clients of both generations sent, call by call, against what ours sends for the same call; and that the recorded answers are read.
/// Left out of the comparison is <c>extra_parameters</c>: it tells which client asks, which ours tells in the header <c>request-source</c>.
/// </summary>
public sealed class RecordedConsoleTests
{
    private static readonly JsonElement s_schema = JsonDocument.Parse("""{"type":"object","properties":{}}""").RootElement;

    private static readonly Dictionary<string, Func<QianfanClient, Task>> s_calls = new()
    {
        ["finetune_v1_console/1"] = c => c.V1.FineTuning.CreateTaskAsync(new V1CreateTaskRequest { Name = "t1", BaseTrainType = "ERNIE-Bot-turbo", TrainType = "ERNIE-Bot-turbo-0725", Description = "d" }),
        ["finetune_v1_console/2"] = c => c.V1.FineTuning.CreateJobAsync(SeedJob("67060", "1234", 4)),
        ["finetune_v1_console/3"] = async c => (await c.V1.FineTuning.GetJobAsync("67060", "88870")).ShouldSatisfyAllConditions(j => j.TrainStatus.ShouldBe(V1TrainStatus.Running), j => j.Id.ShouldBe("88870"), j => j.Progress.ShouldBe(0)),
        ["finetune_v1_console/13"] = async c => (await c.V1.FineTuning.GetJobAsync("67060", "88870")).TrainStatus.IsTerminal.ShouldBeTrue(),
        ["finetune_v1_console/15"] = async c => (await c.V1.FineTuning.StopJobAsync("67060", "88870")).ShouldBeTrue(),
        ["service_model_v1_console/1"] = async c => (await c.V1.Services.ListAsync()).Common[0].ShouldSatisfyAllConditions(s => s.Name.ShouldBe("ERNIE-99"), s => s.VersionList![0].ServiceStatus.ShouldBe("Done")),
        ["service_model_v1_console/2"] = c => c.V1.Services.ListAsync(["chat"]),
        ["service_model_v1_console/3"] = async c => (await c.V1.Services.ApplyAsync(new V1ApplyServiceRequest { ModelId = "846", ModelVersionId = "168", Name = "svc1", Uri = "ep1", PoolType = 2, Description = "d" })).ServiceId.ShouldBe("164"),
        ["service_model_v1_console/4"] = async c => (await c.V1.Services.GetDetailAsync("164")).ShouldSatisfyAllConditions(s => s.ServiceStatus.ShouldBe(ServiceRunStatus.Done), s => s.Uri.ShouldBe("xbiimimv_xxx"), s => s.VmConfig!.InstanceCount.ShouldBe(2)),
        ["service_model_v1_console/5"] = async c => (await c.Models.GetModelDetailAsync("am-nvdx92556wpw")).ModelVersionList[0].SourceExtra!.TrainSourceExtra!.RunIdStr.ShouldBe("task-am9st8hyntpm"),
        ["service_model_v1_console/6"] = async c => (await c.Models.GetModelVersionDetailAsync("amv-hcxfe5a8z6nd")).State.ShouldBe(ModelVersionState.Ready),
        ["service_model_v1_console/7"] = async c => (await c.Models.PublishTrainModelAsync(new PublishTrainModelRequest { ModelName = "m1", VersionMeta = new PublishVersionMeta { TaskId = "9220", IterationId = "5234", Step = 100 }, Tags = ["a"] })).ModelIdStr.ShouldBe("am-nvdx92556wpw"),
        ["service_model_v1_console/8"] = c => c.Models.ListPresetModelsAsync(new PresetModelListRequest()),
        ["service_model_v1_console/9"] = c => c.Models.ListUserModelsAsync(new UserModelListRequest { NameFilter = "x", OrderBy = "create_time", Order = "desc" }),
        ["service_model_v1_console/10"] = c => c.Models.DeleteModelsAsync(["am-1"]),
        ["service_model_v1_console/11"] = c => c.Models.DeleteModelVersionsAsync(["amv-1"]),
        ["service_model_v1_console/12"] = c => c.V1.Evaluations.CreateAsync(new CreateEvaluationRequest
        {
            Name = "ev",
            VersionEvalInfo = [new EvaluatedModel { ModelId = "am-1", ModelVersionId = "amv-1" }],
            DatasetId = "ds-1",
            EvalStandardConf = new JsonObject { ["evalMode"] = "rule", ["scoreModes"] = new JsonArray("similarity", "accuracy"), ["resultDatasetIdStr"] = "ds-2" },
            ComputeResourceConf = new JsonObject { ["vmType"] = 1, ["vmNumber"] = 8 },
            Description = "d",
        }),
        ["service_model_v1_console/13"] = async c => (await c.V1.Evaluations.GetDetailAsync("ame-1")).State.ShouldBe("Done"),
        ["service_model_v1_console/14"] = async c => (await c.V1.Evaluations.GetReportAsync("ame-1"))[0].GetProperty("effectMetric").GetProperty("avgJudgeScore").GetDouble().ShouldBe(3.875),
        ["service_model_v1_console/15"] = async c => (await c.V1.Evaluations.CancelAsync("ame-1")).Result.ShouldBeTrue(),
        ["service_model_v1_console/16"] = async c => (await c.V1.Evaluations.ListModelsAsync())[0].ModelIdStr.ShouldBe("am-ju3hi4ts39u9"),
        ["dataset_v1_console/1"] = async c => (await c.Datasets.CreateAsync(new DatasetCreateRequest { Name = "d1" })).DatasetId.ShouldBe("ds-9cetiuhvnbn4mqs3"),
        ["dataset_v1_console/2"] = c => c.Datasets.CreateAsync(new DatasetCreateRequest { Name = "d2", StorageType = "usrBos", StorageId = "bucket", RawStoragePath = "/path/" }),
        ["dataset_v1_console/3"] = c => c.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = "ds-1", Files = ["bos:/bucket/path/a.jsonl"] }),
        ["dataset_v1_console/4"] = c => c.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = "ds-1", Annotated = false, ImportFrom = 2, Files = ["http://x/a.zip"] }),
        ["dataset_v1_console/5"] = async c => (await c.Datasets.GetInfoAsync("ds-1")).VersionInfo.DatasetPK.ShouldBe("ds-1"),
        ["dataset_v1_console/6"] = async c => (await c.Datasets.GetStatusesAsync(["ds-1", "ds-2"]))["ds-2"].ExportStatus.ShouldBe((DatasetExportStatus)255),
        ["dataset_v1_console/7"] = c => c.Datasets.ReleaseAsync("ds-1"),
        ["dataset_v1_console/8"] = c => c.Datasets.ExportAsync(new DatasetExportRequest { DatasetId = "ds-1" }),
        ["dataset_v1_console/9"] = c => c.Datasets.ExportAsync(new DatasetExportRequest { DatasetId = "ds-1", ExportType = 2, ExportTo = 1, StorageId = "b" }),
        ["dataset_v1_console/10"] = async c => (await c.Datasets.ListExportsAsync("ds-1"))[0].ShouldSatisfyAllConditions(r => r.Status.ShouldBe(DatasetExportStatus.Finished), r => r.DownloadUrl.ShouldBe("http://127.0.0.1:8866/url")),
        ["dataset_v1_console/11"] = async c => (await c.Datasets.GetImportErrorDetailAsync("ds-1", 55)).ShouldSatisfyAllConditions(d => d.IsZip.ShouldBeFalse(), d => d.Content[0].Sequence.ShouldBe(1)),
        ["dataset_v1_console/12"] = async c => (await c.Datasets.ListEntitiesAsync(new EntityListRequest { DatasetId = "ds-1" })).Items[1].Id.ShouldBe("bbb"),
        ["dataset_v1_console/13"] = c => c.Datasets.AnnotateEntityAsync(new EntityAnnotateRequest { Id = "e1", DatasetId = "ds-1", Content = JsonNode.Parse("""[{"prompt":"p","response":[["r"]]}]""")!.AsArray() }),
        ["dataset_v1_console/14"] = async c => (await c.Datasets.DeleteEntitiesAsync(new EntityDeleteRequest { Id = ["e1"], DatasetId = "ds-1" })).FailedOnes.ShouldBeNull(),
        ["dataset_v1_console/15"] = async c => (await c.Datasets.DeleteAsync("ds-1")).VersionCount.ShouldBe(0),
        ["seed_full/2"] = c => c.Datasets.ReleaseAsync("42"),
        ["seed_full/4"] = async c => (await c.V1.FineTuning.CreateTaskAsync(new V1CreateTaskRequest { Name = "task_dnwxb3Zjn9" })).Id.ShouldBe("60242"),
        ["seed_full/5"] = async c => (await c.V1.FineTuning.CreateJobAsync(SeedJob("60242", "42", 1))).Id.ShouldBe("1158"),
        ["seed_full/6"] = async c => (await c.V1.FineTuning.GetJobAsync("60242", "1158")).ShouldSatisfyAllConditions(j => j.TrainStatus.ShouldBe(V1TrainStatus.Finish), j => j.Progress.ShouldBeNull()),
        ["seed_full/7"] = async c => (await c.Models.PublishTrainModelAsync(new PublishTrainModelRequest { ModelName = "m_602421158", VersionMeta = new PublishVersionMeta { TaskId = "60242", IterationId = "1158" } })).ModelId.ShouldBe("1"),
        ["seed_full/9"] = async c => (await c.Models.GetModelDetailAsync("1")).ModelVersionList[0].ModelVersionId.ShouldBe("39"),
        ["seed_full/10"] = async c => (await c.Models.GetModelVersionDetailAsync("39")).State.ShouldBe(ModelVersionState.Ready),
        // The official trainer leaks an iteration_id into the body here.
        ["seed_full/11"] = async c => (await c.V1.Services.ApplyAsync(new V1ApplyServiceRequest { ModelId = "1", ModelVersionId = "39", Name = "svc139" })).ServiceId.ShouldBe("164"),
        ["seed_full/12"] = c => c.V1.Services.GetDetailAsync("164"),
        ["seed_full/15"] = c => c.V1.Chat.CompleteAsync("xbiimimv_xxx", Hi("hi")),
        ["model_service_v2_console/1"] = c => c.Models.CreateCustomModelSetAsync(new CreateCustomModelSetRequest { ModelSetName = "set1", Labels = ["l"] }),
        ["model_service_v2_console/2"] = c => c.Models.DescribeSystemModelSetsAsync(new PageRequest { MaxKeys = 10 }),
        ["model_service_v2_console/3"] = c => c.Models.DescribeCustomModelSetsAsync(new PageRequest { MaxKeys = 10 }),
        ["model_service_v2_console/4"] = async c => (await c.Models.DescribeModelSetAsync("am-1")).ModelIds.ShouldBe(["amv-34qkndzjf111"]),
        ["model_service_v2_console/5"] = c => c.Models.DeleteModelSetAsync("am-1"),
        ["model_service_v2_console/6"] = c => c.Models.CreateCustomModelAsync(new CreateCustomModelRequest { ModelSetId = "am-1", TrainMeta = new CustomModelTraining { TaskId = "task-1", Step = 10 }, Description = "d" }),
        ["model_service_v2_console/7"] = c => c.Models.DescribeModelAsync("amv-1"),
        ["model_service_v2_console/8"] = c => c.Models.DeleteModelAsync("amv-1"),
        ["model_service_v2_console/9"] = c => c.Models.CreateModelExportTaskAsync("amv-1"),
        ["model_service_v2_console/10"] = c => c.Models.DescribeModelExportTaskAsync("amv-1"),
        ["model_service_v2_console/11"] = c => c.Models.CreateModelCompTaskAsync(new CreateModelCompTaskRequest { Name = "n", SourceModelId = "amv-1", ModelSetId = "am-1", Config = new ModelCompConfig { Strategy = "Quantization", Weight = "INT8-PTQ" }, Description = "d" }),
        ["model_service_v2_console/12"] = c => c.Models.DescribeModelCompTaskAsync("mc-1"),
        ["model_service_v2_console/13"] = c => c.Services.DescribeServicesAsync(new DescribeServicesRequest { MaxKeys = 10, ServiceType = ["chat"], RunStatus = ["Serving"] }),
        ["model_service_v2_console/14"] = async c => (await c.Services.CreateAsync(new CreateServiceRequest
        {
            ModelSetId = "am-1",
            ModelId = "amv-1",
            Name = "svc",
            UrlSuffix = "suffix",
            Description = "d",
            ResourceConfig = new ServiceResourceConfig { Qps = 0.5 },
            Billing = new ServiceBilling { Reservation = new ServiceReservation() },
        })).ServiceId.ShouldBe("svco-ktth9mkb5cqn"),
        ["model_service_v2_console/15"] = async c => (await c.Services.DescribeAsync("svco-1")).RunStatus.ShouldBe(ServiceRunStatus.Serving),
        ["model_service_v2_console/16"] = async c => (await c.Services.DescribeMetricAsync(new DescribeServiceMetricRequest { ServiceId = ["svco-1"], StartTime = "2024-05-06T08:23:49Z", EndTime = "2024-05-17T08:23:49Z" })).ServiceList[0].AppList[0].Metric!.TokensTotal.ShouldBe(64),
        ["model_service_v2_console/17"] = c => c.Services.ModifyAsync(new ModifyServiceRequest { ServiceId = "svco-1", ModelSetId = "am-1", ModelId = "amv-2" }),
        ["model_service_v2_console/18"] = c => c.Services.DescribePresetAsync(new DescribePresetServicesRequest { ServiceIds = ["s"] }),
        ["finetune_v2_console/1"] = async c => (await c.FineTuning.CreateJobAsync(new CreateFineTuningJobRequest { Name = "j1", Model = "ERNIE-Speed", TrainMode = TrainMode.Sft, Description = "d" })).JobId.ShouldBe("job-pFnyfNf9fFlp"),
        ["finetune_v2_console/2"] = async c => (await c.FineTuning.CreateTaskAsync(Task(new JsonObject { ["epoch"] = 1, ["learningRate"] = 3e-05, ["maxSeqLen"] = 4096 }, 20))).TaskId.ShouldBe("task-BeEBJzdVja8v"),
        ["finetune_v2_console/3"] = c => c.FineTuning.CreateTaskAsync(Task([], null)),
        ["finetune_v2_console/4"] = async c => (await c.FineTuning.DescribeTaskAsync("task-BeEBJzdVja8v")).RunProgress.ShouldBe("0%"),
        ["finetune_v2_console/5"] = async c => (await c.FineTuning.DescribeJobsAsync(new DescribeFineTuningJobsRequest { TrainModel = "SFT", MaxKeys = 10, PageReverse = false })).PageInfo!.NextMarker.ShouldBe("job-afik6nqipgnq"),
        ["finetune_v2_console/6"] = async c => (await c.FineTuning.DescribeTasksAsync(new DescribeFineTuningTasksRequest { JobId = "job-pFnyfNf9fFlp", Marker = "task-x", MaxKeys = 5 })).TaskList.Count.ShouldBe(1),
        ["finetune_v2_console/7"] = async c => (await c.FineTuning.StopTaskAsync("task-BeEBJzdVja8v")).ShouldBeTrue(),
        ["finetune_v2_console/8"] = async c => (await c.FineTuning.StopTaskAsync("task-none")).ShouldBeFalse(),
        ["finetune_v2_console/9"] = async c => (await c.FineTuning.DescribeSupportedModelsAsync())[0].Model.ShouldBe("ERNIE-Speed-8K"),
        ["finetune_v2_console/10"] = c => c.FineTuning.DeleteTaskAsync("task-BeEBJzdVja8v"),
        ["finetune_v2_console/11"] = c => c.FineTuning.DeleteJobAsync("job-pFnyfNf9fFlp"),
        ["dataset_v2_console/1"] = c => c.DatasetsV2.CreateAsync(new CreateDatasetRequest { DatasetName = "d" }),
        ["dataset_v2_console/2"] = c => c.DatasetsV2.CreateAsync(new CreateDatasetRequest { DatasetName = "d", StorageType = "BOS", StoragePath = "bos:/b/p/" }),
        ["dataset_v2_console/3"] = c => c.DatasetsV2.DescribeAsync(new DescribeDatasetsRequest { MaxKeys = 10, PageReverse = false }),
        ["dataset_v2_console/4"] = c => c.DatasetsV2.CreateVersionAsync(new DatasetGroupRequest { DatasetId = "dg-1", Description = "d" }),
        ["dataset_v2_console/5"] = c => c.DatasetsV2.DescribeVersionAsync("ds-1"),
        ["dataset_v2_console/6"] = c => c.DatasetsV2.DescribeVersionsAsync(new DescribeDatasetVersionsRequest { DatasetId = "dg-1", MaxKeys = 10, PageReverse = false }),
        ["dataset_v2_console/7"] = c => c.DatasetsV2.CreateImportTaskAsync(new CreateImportTaskRequest { VersionId = "ds-1", Files = ["bos:/b/a.jsonl"] }),
        ["dataset_v2_console/8"] = c => c.DatasetsV2.DescribeImportTaskAsync("task-1"),
        ["dataset_v2_console/9"] = c => c.DatasetsV2.PublishVersionAsync("ds-1"),
        ["dataset_v2_console/10"] = c => c.DatasetsV2.CreateExportTaskAsync(new CreateExportTaskRequest { VersionId = "ds-1" }),
        ["dataset_v2_console/11"] = c => c.DatasetsV2.DescribeExportTaskAsync("task-2"),
        ["dataset_v2_console/12"] = c => c.DatasetsV2.DeleteVersionAsync("ds-1"),
        ["dataset_v2_console/13"] = c => c.DatasetsV2.DeleteAsync("dg-1"),
        ["chat_iam/1"] = async c =>
        {
            var endpoint = await c.V1.Chat.EndpointOfAsync("ernie-LITE-8k");
            (await c.V1.Chat.CompleteAsync(endpoint, Hi("你好") with { Temperature = 0.5, TopP = 0.9, System = "be brief", UserId = "u1" })).Usage!.TotalTokens.ShouldBe(74);
        },
        ["chat_iam/3"] = async c => (await c.V1.Chat.StreamAsync("ernie_speed", Hi("hello")).ToListAsync())[^1].IsEnd.ShouldBe(true),
        ["chat_iam/4"] = async c => (await c.V1.Chat.CompleteAsync("completions", Hi("paper") with { Functions = [new V1Function { Name = "paper_search", Description = "d", Parameters = s_schema }] })).FunctionCall!.Arguments.ShouldBe("""{"__arg1":"physics"}"""),
        ["chat_oauth/2"] = c => c.V1.Chat.CompleteAsync("ernie_speed", Hi("hello")),
        ["chat_oauth/3"] = async c => (await c.V1.Chat.StreamAsync("ernie_speed", Hi("hello")).ToListAsync()).Count.ShouldBeGreaterThan(1),
        ["chat_oauth/4"] = async c => (await Should.ThrowAsync<QianfanApiException>(() => c.V1.Chat.CompleteAsync("error", Hi("hello")))).Code.ShouldBe(QianfanErrorCodes.UnsupportedMethod),
        ["chat_oauth/5"] = async c => (await Should.ThrowAsync<QianfanApiException>(() => c.V1.Chat.CompleteAsync("ernie_speed", new V1ChatRequest { Messages = [V1ChatMessage.User("a"), V1ChatMessage.User("b")] }))).Code.ShouldBe(QianfanErrorCodes.InvalidParameter),
        ["completion_embedding/1"] = async c => (await c.V1.Completions.CompleteAsync("my_comp", new V1CompletionRequest { Prompt = "once upon" })).Result!.ShouldContain("once upon"),
        ["completion_embedding/2"] = async c => (await c.V1.Completions.StreamAsync("my_comp", new V1CompletionRequest { Prompt = "once upon" }).ToListAsync())[^1].IsEnd.ShouldBe(true),
        ["completion_embedding/5"] = async c => (await c.V1.Embeddings.CreateAsync("my_emb", new V1EmbeddingRequest { Input = ["abc"], UserId = "u" })).Data[0].Embedding.Count.ShouldBe(3),
        ["chat_v2/2"] = async c => (await c.Chat.CompleteAsync(new ChatCompletionRequest { Model = "ernie-3.5-8k", Messages = [ChatMessage.User("hello")], Temperature = 0.1 })).Text.ShouldContain("hello"),
        ["chat_v2/3"] = async c => (await c.Chat.StreamAsync(new ChatCompletionRequest { Model = "ernie-lite-8k", Messages = [ChatMessage.User("hello")], StreamOptions = new ChatStreamOptions { IncludeUsage = true } }).ToListAsync())[^1].Usage!.TotalTokens.ShouldBeGreaterThan(0),
        ["chat_v2/4"] = async c => (await Should.ThrowAsync<QianfanApiException>(() => c.Chat.CompleteAsync(new ChatCompletionRequest { Model = "ernie-lite-8k", Messages = [ChatMessage.User("a"), ChatMessage.User("b")] }))).Code.ShouldBe("invalid_argument"),
    };

    private static readonly Dictionary<string, JsonElement> s_recorded = Recorded();

    public static TheoryData<string> Names => [.. s_recorded.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_call_sends_what_the_official_client_sends_and_reads_the_answer(string name)
    {
        var recorded = s_recorded[name];
        string? body = null;
        var platform = new ScriptedHandler(_ => Answer(recorded));
        using var http = new HttpClient(new BodySpy(platform, text => body = text));
        var byToken = recorded.GetProperty("query").TryGetProperty("access_token", out _);
        using var client = new QianfanClient(Given.Options(ours: false) with { BaseUrl = "http://platform.test:8866", BearerToken = "t", AccessToken = byToken ? "<ACCESS_TOKEN>" : null, AccessKey = name.StartsWith("chat_v2", StringComparison.Ordinal) ? null : "ak" }, http);
        var call = s_calls[name];

        if (recorded.TryGetProperty("text", out _))
        {
            // The mock server of the recording has no answer to these.
            await Should.ThrowAsync<QianfanRequestException>(() => call(client));
        }
        else if (name == "finetune_v2_console/3")
        {
            (await Should.ThrowAsync<QianfanApiException>(() => call(client))).Code.ShouldBe(QianfanErrorCodes.InappropriateJson);
        }
        else
        {
            await call(client);
        }

        var request = platform.Requests.ShouldHaveSingleItem();
        request.Method.Method.ShouldBe(recorded.GetProperty("method").GetString());
        request.RequestUri!.AbsolutePath.ShouldBe(recorded.GetProperty("path").GetString());
        request.RequestUri.Query.ShouldBe(Query(recorded.GetProperty("query")));
        var expected = JsonNode.Parse(recorded.GetProperty("body").GetRawText())!.AsObject();
        expected.Remove("iteration_id");
        Canonical(JsonNode.Parse(body!)).ShouldBe(Canonical(expected));
    }

    [Fact]
    public void Every_recorded_call_is_compared() => s_calls.Keys.Order(StringComparer.Ordinal).ShouldBe(s_recorded.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("12345", "12345")]
    [InlineData("0", "0")]
    [InlineData("007", "\"007\"")]
    [InlineData("ds-1", "\"ds-1\"")]
    [InlineData("", "\"\"")]
    [InlineData("-1", "\"-1\"")]
    [InlineData("99999999999999999999", "\"99999999999999999999\"")]
    public void An_id_of_the_seeds_time_goes_out_as_a_number_and_comes_back_as_the_same_text(string id, string json)
    {
        var text = JsonSerializer.Serialize(new DatasetIdRequest { DatasetId = id }, QianfanJson.Wire.DatasetIdRequest);

        text.ShouldBe($$"""{"datasetId":{{json}}}""");
        JsonSerializer.Deserialize(text, QianfanJson.Wire.DatasetIdRequest)!.DatasetId.ShouldBe(id);
    }

    private static V1CreateJobRequest SeedJob(string task, string dataset, int epoch) => new()
    {
        TaskId = task,
        BaseTrainType = "ERNIE-Bot-turbo",
        TrainType = "ERNIE-Bot-turbo-0725",
        PeftType = "LoRA",
        TrainConfig = new V1TrainConfig { Epoch = epoch, LearningRate = 2e-5, BatchSize = 4, MaxSeqLen = 4096 },
        Trainset = [new V1TrainDataset { Id = dataset }],
        TrainsetRate = 20,
    };

    private static CreateFineTuningTaskRequest Task(JsonObject parameters, double? split) => new()
    {
        JobId = "job-pFnyfNf9fFlp",
        ParameterScale = "LoRA",
        HyperParameterConfig = parameters,
        DatasetConfig = new FineTuningDatasetConfig { Versions = [new FineTuningDatasetVersion { VersionId = "ds-1" }], SplitRatio = split },
    };

    private static V1ChatRequest Hi(string text) => new() { Messages = [V1ChatMessage.User(text)] };

    private static HttpResponseMessage Answer(JsonElement recorded)
    {
        var status = (HttpStatusCode)recorded.GetProperty("status").GetInt32();
        if (recorded.TryGetProperty("sse", out var events))
        {
            var text = string.Concat(events.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? e.GetString() + "\n\n" : $"data: {e.GetRawText()}\n\n"));
            return new HttpResponseMessage(status) { Content = new StringContent(text, Encoding.UTF8, "text/event-stream") };
        }

        return recorded.TryGetProperty("text", out var page)
            ? new HttpResponseMessage(status) { Content = new StringContent(page.GetString()!, Encoding.UTF8, "text/html") }
            : new HttpResponseMessage(status) { Content = new StringContent(recorded.GetProperty("response").GetRawText(), Encoding.UTF8, "application/json") };
    }

    private static string Query(JsonElement query)
    {
        var pairs = query.EnumerateObject().Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value.GetString()!)}").ToList();
        return pairs.Count == 0 ? "" : "?" + string.Join('&', pairs);
    }

    private static Dictionary<string, JsonElement> Recorded()
    {
        using var document = Given.Resource("recorded-console.json");
        return document.RootElement.EnumerateArray().ToDictionary(e => e.GetProperty("name").GetString()!, e => e.Clone());
    }

    private static string Canonical(JsonNode? node) => node switch
    {
        JsonObject value => "{" + string.Join(',', value.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}:{Canonical(p.Value)}")) + "}",
        JsonArray value => "[" + string.Join(',', value.Select(Canonical)) + "]",
        null => "null",
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        _ => node.ToJsonString(),
    };
}
