using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>The console scenarios of the recordings, call by call: the same request leaves our clients, and the recorded answer is read.</summary>
public sealed class ConsoleRecordingTests
{
    [Fact]
    public async Task Finetune_v1_console()
    {
        var (client, platform) = Given("finetune_v1_console");

        var task = await client.V1.FineTuning.CreateTaskAsync(new V1CreateTaskRequest { Name = "t1", BaseTrainType = "ERNIE-Bot-turbo", TrainType = "ERNIE-Bot-turbo-0725", Description = "d" }, Token);
        var job = await client.V1.FineTuning.CreateJobAsync(
            new V1CreateJobRequest
            {
                TaskId = task.Id,
                BaseTrainType = "ERNIE-Bot-turbo",
                TrainType = "ERNIE-Bot-turbo-0725",
                PeftType = PeftType.LoRA.SeedName,
                TrainConfig = new V1TrainConfig { Epoch = 4, LearningRate = 2e-5, BatchSize = 4, MaxSeqLen = 4096 },
                Trainset = [new V1TrainDataset { Id = "1234" }],
                TrainsetRate = 20,
            },
            Token);
        var statuses = new List<string>();
        for (var look = 0; look < 12; look++)
        {
            statuses.Add((await client.V1.FineTuning.GetJobAsync(task.Id, job.Id, Token)).TrainStatus.Value);
        }

        (await client.V1.FineTuning.StopJobAsync(task.Id, job.Id, Token)).ShouldBeTrue();
        statuses[0].ShouldBe("RUNNING");
        statuses[^1].ShouldBe("FINISH");
        platform.Verify();
    }

    [Fact]
    public async Task Finetune_v2_console()
    {
        var (client, platform) = Given("finetune_v2_console");
        var tuning = client.FineTuning;

        var job = (await tuning.CreateJobAsync(new CreateFineTuningJobRequest { Name = "j1", Model = "ERNIE-Speed", TrainMode = TrainMode.Sft, Description = "d" }, Token)).JobId;
        var datasets = new FineTuningDatasetConfig { Versions = [new FineTuningDatasetVersion { VersionId = "ds-1" }], SplitRatio = 20 };
        var request = new CreateFineTuningTaskRequest
        {
            JobId = job,
            ParameterScale = "LoRA",
            HyperParameterConfig = new TrainConfig { Epoch = 1, LearningRate = 3e-5, MaxSeqLen = 4096 }.ToHyperParameters(),
            DatasetConfig = datasets,
        };
        var task = (await tuning.CreateTaskAsync(request, Token)).TaskId;
        var error = await Should.ThrowAsync<QianfanApiException>(() => tuning.CreateTaskAsync(request with { HyperParameterConfig = [], DatasetConfig = datasets with { SplitRatio = null } }, Token));
        var described = await tuning.DescribeTaskAsync(task, Token);
        await tuning.DescribeJobsAsync(new DescribeFineTuningJobsRequest { TrainModel = "SFT", MaxKeys = 10, PageReverse = false }, Token);
        await tuning.DescribeTasksAsync(new DescribeFineTuningTasksRequest { JobId = job, Marker = "task-x", MaxKeys = 5 }, Token);
        var stopped = await tuning.StopTaskAsync(task, Token);
        var nothing = await tuning.StopTaskAsync("task-none", Token);
        var models = await tuning.DescribeSupportedModelsAsync(Token);
        await Unanswered(() => tuning.DeleteTaskAsync(task, Token));
        await Unanswered(() => tuning.DeleteJobAsync(job, Token));

        error.Code.ShouldBe("InappropriateJSON");
        error.Message.ShouldContain("splitRatio");
        described.TaskId.ShouldBe(task);
        (stopped, nothing).ShouldBe((true, false));
        ModelInfo.Find(models, "ERNIE-Speed", TrainMode.Sft)!.PeftTypes.ShouldBe([PeftType.FullFineTuning, PeftType.LoRA]);
        platform.Verify();
    }

    [Fact]
    public async Task Model_service_v2_console()
    {
        var (client, platform) = Given("model_service_v2_console");

        await Unanswered(() => client.Models.CreateCustomModelSetAsync(new CreateCustomModelSetRequest { ModelSetName = "set1", Labels = ["l"] }, Token));
        await Unanswered(() => client.Models.DescribeSystemModelSetsAsync(new PageRequest { MaxKeys = 10 }, Token));
        await Unanswered(() => client.Models.DescribeCustomModelSetsAsync(new PageRequest { MaxKeys = 10 }, Token));
        (await client.Models.DescribeModelSetAsync("am-1", Token)).ModelIds[0].ShouldBe("amv-oioodt9831xm");
        await Unanswered(() => client.Models.DeleteModelSetAsync("am-1", Token));
        await Unanswered(() => client.Models.CreateCustomModelAsync(new CreateCustomModelRequest { ModelSetId = "am-1", TrainMeta = new CustomModelTraining { TaskId = "task-1", Step = 10 }, Description = "d" }, Token));
        await Unanswered(() => client.Models.DescribeModelAsync("amv-1", Token));
        await Unanswered(() => client.Models.DeleteModelAsync("amv-1", Token));
        await Unanswered(() => client.Models.CreateModelExportTaskAsync("amv-1", Token));
        await Unanswered(() => client.Models.DescribeModelExportTaskAsync("amv-1", Token));
        await Unanswered(() => client.Models.CreateModelCompTaskAsync(
            new CreateModelCompTaskRequest { Name = "n", SourceModelId = "amv-1", ModelSetId = "am-1", Config = new ModelCompConfig { Strategy = "Quantization", Weight = "INT8-PTQ" }, Description = "d" }, Token));
        await Unanswered(() => client.Models.DescribeModelCompTaskAsync("mc-1", Token));
        await Unanswered(() => client.Services.DescribeServicesAsync(new DescribeServicesRequest { MaxKeys = 10, ServiceType = ["chat"], RunStatus = ["Serving"] }, Token));
        (await client.Services.CreateAsync(
            new CreateServiceRequest
            {
                ModelSetId = "am-1",
                ModelId = "amv-1",
                Name = "svc",
                UrlSuffix = "suffix",
                Description = "d",
                ResourceConfig = new ServiceResourceConfig { Type = "GPU-I-2", ReplicasCount = 1, Qps = 0.5 },
                Billing = new ServiceBilling { Reservation = new ServiceReservation { ReservationTimeUnit = "Hour", ReservationLength = 1 } },
            },
            Token)).ServiceId.ShouldBe("svco-d849r0s60j23");
        (await client.Services.DescribeAsync("svco-1", Token)).RunStatus.ShouldBe(ServiceRunStatus.Serving);
        (await client.Services.DescribeMetricAsync(new DescribeServiceMetricRequest { ServiceId = ["svco-1"], StartTime = "2024-05-06T08:23:49Z", EndTime = "2024-05-17T08:23:49Z" }, Token)).ServiceList.ShouldNotBeEmpty();
        await Unanswered(() => client.Services.ModifyAsync(new ModifyServiceRequest { ServiceId = "svco-1", ModelSetId = "am-1", ModelId = "amv-2" }, Token));
        await Unanswered(() => client.Services.DescribePresetAsync(new DescribePresetServicesRequest { ServiceIds = ["s"] }, Token));
        platform.Verify();
    }

    [Fact]
    public async Task Service_model_v1_console()
    {
        var (client, platform) = Given("service_model_v1_console");

        (await client.V1.Services.ListAsync(null, Token)).Common.ShouldNotBeEmpty();
        (await client.V1.Services.ListAsync(["chat"], Token)).Common.ShouldNotBeEmpty();
        (await client.V1.Services.ApplyAsync(
            new V1ApplyServiceRequest { ModelId = "846", ModelVersionId = "168", Name = "svc1", Uri = "ep1", PoolType = (int)DeployPoolType.PrivateResource, Description = "d" }, Token)).ServiceId.ShouldBe("164");
        (await client.V1.Services.GetDetailAsync("164", Token)).Uri.ShouldNotBeNullOrEmpty();
        (await client.Models.GetModelDetailAsync("am-uw0tm3mywnq0", Token)).ModelVersionList.ShouldNotBeEmpty();
        (await client.Models.GetModelVersionDetailAsync("amv-fa8l9r2vuyme", Token)).State.ShouldBe(ModelVersionState.Ready);
        (await client.Models.PublishTrainModelAsync(
            new PublishTrainModelRequest { VersionMeta = new PublishVersionMeta { TaskId = "9220", IterationId = "5234", Step = 100 }, ModelName = "m1", Tags = ["a"] }, Token)).ModelIdStr.ShouldBe("am-uw0tm3mywnq0");
        await Unanswered(() => client.Models.ListPresetModelsAsync(new PresetModelListRequest(), Token));
        await Unanswered(() => client.Models.ListUserModelsAsync(new UserModelListRequest { NameFilter = "x", OrderBy = "create_time", Order = "desc" }, Token));
        await Unanswered(() => client.Models.DeleteModelsAsync(["am-1"], Token));
        await Unanswered(() => client.Models.DeleteModelVersionsAsync(["amv-1"], Token));
        (await client.V1.Evaluations.CreateAsync(
            new CreateEvaluationRequest
            {
                Name = "ev",
                VersionEvalInfo = [new EvaluatedModel { ModelId = "am-1", ModelVersionId = "amv-1" }],
                DatasetId = "ds-1",
                EvalStandardConf = new JsonObject { ["evalMode"] = "rule", ["scoreModes"] = new JsonArray("similarity", "accuracy"), ["resultDatasetIdStr"] = "ds-2" },
                ComputeResourceConf = new JsonObject { ["vmType"] = 1, ["vmNumber"] = 8 },
                Description = "d",
            },
            Token)).EvalIdStr.ShouldNotBeNullOrEmpty();
        (await client.V1.Evaluations.GetDetailAsync("ame-1", Token)).State.ShouldNotBeEmpty();
        (await client.V1.Evaluations.GetReportAsync("ame-1", Token)).GetArrayLength().ShouldBeGreaterThan(0);
        (await client.V1.Evaluations.CancelAsync("ame-1", Token)).Result.ShouldBeTrue();
        (await client.V1.Evaluations.ListModelsAsync(Token)).ShouldNotBeEmpty();
        platform.Verify();
    }

    [Fact]
    public async Task Dataset_v1_console()
    {
        var (client, platform) = Given("dataset_v1_console");
        var datasets = client.Datasets;

        (await datasets.CreateAsync(new DatasetCreateRequest { Name = "d1" }, Token)).DatasetId.ShouldStartWith("ds-");
        (await datasets.CreateAsync(new DatasetCreateRequest { Name = "d2", StorageType = "usrBos", StorageId = "bucket", RawStoragePath = "/path/" }, Token)).StorageInfo.ShouldNotBeNull();
        (await datasets.ImportAsync(new DatasetImportRequest { DatasetId = "ds-1", Files = ["bos:/bucket/path/a.jsonl"] }, Token)).ShouldBeTrue();
        (await datasets.ImportAsync(new DatasetImportRequest { DatasetId = "ds-1", Annotated = false, ImportFrom = 2, Files = ["http://x/a.zip"] }, Token)).ShouldBeTrue();
        (await datasets.GetInfoAsync("ds-1", Token)).VersionInfo.ImportStatus.ShouldBe(DatasetImportStatus.Finished);
        (await datasets.GetStatusesAsync(["ds-1", "ds-2"], Token)).ShouldNotBeEmpty();
        (await datasets.ReleaseAsync("ds-1", Token)).ShouldBeTrue();
        (await datasets.ExportAsync(new DatasetExportRequest { DatasetId = "ds-1" }, Token)).ShouldBeTrue();
        (await datasets.ExportAsync(new DatasetExportRequest { DatasetId = "ds-1", ExportType = 2, ExportTo = 1, StorageId = "b" }, Token)).ShouldBeTrue();
        (await datasets.ListExportsAsync("ds-1", Token))[0].DownloadUrl.ShouldNotBeNullOrEmpty();
        (await datasets.GetImportErrorDetailAsync("ds-1", 55, Token)).Content.ShouldNotBeEmpty();
        (await datasets.ListEntitiesAsync(new EntityListRequest { DatasetId = "ds-1" }, Token)).Items.ShouldNotBeEmpty();
        (await datasets.AnnotateEntityAsync(new EntityAnnotateRequest { Id = "e1", DatasetId = "ds-1", Content = [new JsonObject { ["prompt"] = "p", ["response"] = new JsonArray(new JsonArray("r")) }] }, Token)).ShouldBeTrue();
        await datasets.DeleteEntitiesAsync(new EntityDeleteRequest { Id = ["e1"], DatasetId = "ds-1" }, Token);
        (await datasets.DeleteAsync("ds-1", Token)).VersionCount.ShouldBe(0);
        platform.Verify();
    }

    [Fact]
    public async Task Dataset_v2_console()
    {
        var (client, platform) = Given("dataset_v2_console");
        var datasets = client.DatasetsV2;

        await Unanswered(() => datasets.CreateAsync(new CreateDatasetRequest { DatasetName = "d" }, Token));
        await Unanswered(() => datasets.CreateAsync(new CreateDatasetRequest { DatasetName = "d", StorageType = "BOS", StoragePath = "bos:/b/p/" }, Token));
        await Unanswered(() => datasets.DescribeAsync(new DescribeDatasetsRequest { MaxKeys = 10, PageReverse = false }, Token));
        await Unanswered(() => datasets.CreateVersionAsync(new DatasetGroupRequest { DatasetId = "dg-1", Description = "d" }, Token));
        await Unanswered(() => datasets.DescribeVersionAsync("ds-1", Token));
        await Unanswered(() => datasets.DescribeVersionsAsync(new DescribeDatasetVersionsRequest { DatasetId = "dg-1", MaxKeys = 10, PageReverse = false }, Token));
        await Unanswered(() => datasets.CreateImportTaskAsync(new CreateImportTaskRequest { VersionId = "ds-1", Files = ["bos:/b/a.jsonl"] }, Token));
        await Unanswered(() => datasets.DescribeImportTaskAsync("task-1", Token));
        await Unanswered(() => datasets.PublishVersionAsync("ds-1", Token));
        await Unanswered(() => datasets.CreateExportTaskAsync(new CreateExportTaskRequest { VersionId = "ds-1" }, Token));
        await Unanswered(() => datasets.DescribeExportTaskAsync("task-2", Token));
        await Unanswered(() => datasets.DeleteVersionAsync("ds-1", Token));
        await Unanswered(() => datasets.DeleteAsync("dg-1", Token));
        platform.Verify();
    }

    [Fact]
    public async Task Dataset_import_flow()
    {
        var (client, platform) = Given("dataset_import_flow");

        var id = (await client.Datasets.CreateAsync(new DatasetCreateRequest { Name = "n", StorageType = "usrBos", StorageId = "bucket", RawStoragePath = "/p/" }, Token)).DatasetId;
        await client.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = id, Files = ["bucket/p/a.jsonl"] }, Token);
        await client.Datasets.GetInfoAsync(id, Token);
        (await client.Datasets.GetInfoAsync(id, Token)).VersionInfo.ImportStatus.ShouldBe(DatasetImportStatus.Finished);
        platform.Verify();
    }

    private static CancellationToken Token => Fakes.Given.Token;

    private static (QianfanClient Client, ReplayPlatform Platform) Given(string scenario)
    {
        var platform = new ReplayPlatform(Exchange.Of(scenario));
        var options = Fakes.Given.Options(ours: false) with { ConsoleRetry = new RetryOptions { MaxAttempts = 1 } };
        return (new QianfanClient(options, new HttpClient(platform)), platform);
    }

    /// <summary>The recording server had no handler for the call: only the request is a fact.</summary>
    private static async Task Unanswered<T>(Func<Task<T>> call) => await Should.ThrowAsync<QianfanException>(call);
}
