using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>Drives our trainers through the recorded scenarios.</summary>
internal static class Recordings
{
    private const string HarnessDataset = "ds-rwcqq07pq2tsg2rg";

    private static JsonObject Hi => new() { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" }) };

    private static TrainConfig HarnessConfig => new() { Epoch = 1, LearningRate = 2e-5, MaxSeqLen = 4096 };

    public static Task<RecordedRun> FinetuneFullAsync() => RunAsync(
        "finetune_full",
        [Differences.Names, Differences.Saves, Differences.LimitsLater, Differences.ModelIdsKnown, Differences.ServiceList, Differences.ExtraParameters],
        client => new LlmFinetune(client, "ERNIE-Speed", Dataset.Load(HarnessDataset), HarnessConfig with { PeftType = PeftType.LoRA }, new DeployConfig()),
        CreateHarnessDatasetAsync,
        after: async (clients, output) =>
        {
            // The official client's Service speaks V1 inference whatever the trainer speaks.
            var service = Service.Loads(WithVersion(output["service"]!), clients.Client);
            (await service.GetStatusAsync(Given.Token)).ShouldBe(ServiceStatus.Deployed);
            var v1 = new Service(clients.V1, service.Id, service.Endpoint);
            (await v1.ExecAsync(Hi, Given.Token))["result"]!.GetValue<string>().ShouldContain("heard hi");
            (await service.GetStatusAsync(Given.Token)).ShouldBe(ServiceStatus.Deployed);
            var pieces = 0;
            await foreach (var piece in v1.StreamAsync([ChatMessage.User("hi")], Given.Token))
            {
                piece.Text.ShouldNotBeEmpty();
                pieces++;
            }

            pieces.ShouldBeGreaterThan(1);
        });

    public static Task<RecordedRun> FinetuneFullNoCacheAsync() => RunAsync(
        "finetune_full_nocache",
        [Differences.Names, Differences.Limits, Differences.ModelIdsKnown, Differences.ServiceList, Differences.ExtraParameters],
        client => new LlmFinetune(
            client,
            "ERNIE-Speed",
            Dataset.Load(HarnessDataset),
            HarnessConfig with { PeftType = PeftType.LoRA },
            new DeployConfig { Name = "svc_name", EndpointSuffix = "svc_suffix", Qps = 0.5, Hours = 2 }),
        CreateHarnessDatasetAsync,
        after: async (clients, output) =>
        {
            var service = Service.Loads(WithVersion(output["service"]!), clients.Client);
            (await service.GetStatusAsync(Given.Token)).ShouldBe(ServiceStatus.Deployed);
            await new Service(clients.V1, service.Id, service.Endpoint).ExecAsync(Hi, Given.Token);
        });

    public static Task<RecordedRun> FinetuneFailedAsync() => RunAsync(
        "finetune_failed",
        [Differences.Names, Differences.Saves, Differences.Limits],
        client => new LlmFinetune(client, "ERNIE-Speed", Dataset.Load(HarnessDataset), HarnessConfig, options: new LlmFinetuneOptions { JobName = "mock_failed_task" }),
        CreateHarnessDatasetAsync);

    public static Task<RecordedRun> FinetuneBosAsync() => RunAsync(
        "finetune_bos",
        [Differences.Names, Differences.Limits],
        client => new LlmFinetune(client, "ERNIE-Speed", DatasetConfig.OfBos("bos:/sdk-test/")));

    public static Task<RecordedRun> FinetuneIncrementalAsync() => RunAsync(
        "finetune_incremental",
        [Differences.Names, Differences.Saves, Differences.Limits, Differences.Alias, Differences.PreviousTaskLater],
        client => new LlmFinetune(client, null, Dataset.Load("ds-111"), options: new LlmFinetuneOptions { PreviousTaskId = "task-abc" }));

    public static Task<RecordedRun> FinetuneDatasetConfigAsync() => RunAsync(
        "finetune_dataset_config",
        [Differences.Names, Differences.Saves, Differences.LimitsLater],
        client => new LlmFinetune(
            client,
            "ERNIE-Speed",
            new DatasetConfig
            {
                Sources = [DatasetSource.Of(Dataset.Load("ds-111"), 0.1), DatasetSource.Of(Dataset.Load("ds-222"), 0.2)],
                SplitRatio = 10,
                Corpus = new CorpusConfig
                {
                    CopyData = true,
                    Config =
                    [
                        new CorpusConfigItem { Proportion = "1:2", CorpusType = CorpusType.YiyanVertical, Labels = ["文本创作"] },
                        new CorpusConfigItem { Proportion = "1:1", CorpusType = CorpusType.YiyanCommon },
                    ],
                },
            },
            new TrainConfig { Epoch = 1, LearningRate = 2e-5, ResourceConfig = new TrainResourceConfig { NodeNum = 4 } },
            options: new LlmFinetuneOptions { JobName = "harness_job", JobDescription = "tdesc", TrainExtras = new JsonObject { ["newField"] = new JsonObject { ["name"] = "111" } } }));

    public static Task<RecordedRun> PostPreTrainAsync() => RunAsync(
        "post_pretrain",
        [Differences.Names, Differences.Saves, Differences.Limits],
        client => new PostPreTrain(client, "ERNIE-Speed", Dataset.Load("ds-mock-generic")));

    public static Task<RecordedRun> DpoAsync() => RunAsync(
        "dpo",
        [Differences.Names, Differences.Saves, Differences.Limits, Differences.DpoTemplate],
        // The platform of the recordings reports nothing about DPO.
        client => new Dpo(
            client,
            "ERNIE-Speed-8K",
            Dataset.Load("ds-dpo"),
            new TrainConfig { Epoch = 1, LearningRate = 5e-7, PeftType = PeftType.FullFineTuning },
            options: new LlmFinetuneOptions { ValidateStrict = false }));

    public static Task<RecordedRun> TrainResumeAsync() => RunAsync(
        "train_resume",
        [Differences.Names, Differences.Saves],
        client => new ResumedTraining(new Pipeline([new TrainAction(client, taskId: "task-djklfai1dw2", jobId: "job-k4awhbee4by0"), new ModelPublishAction(client)])),
        CreateHarnessDatasetAsync,
        trainer => trainer.ResumeAsync(Given.Token));

    public static Task<RecordedRun> TrainStopAsync() => RunAsync(
        "train_stop",
        [Differences.Names, Differences.Saves, Differences.Limits],
        client => new LlmFinetune(client, "ERNIE-Speed", Dataset.Load(HarnessDataset), HarnessConfig),
        CreateHarnessDatasetAsync,
        stopAt: "POST /v2/finetuning?Action=DescribeFineTuningTask");

    public static Task<RecordedRun> SeedFullAsync() => RunAsync(
        "seed_full",
        [Differences.Names, Differences.TaskNamesBaseModel, Differences.ReleaseWhenNeeded, Differences.LookBeforePublish, Differences.LeakedArgument],
        client => new LlmFinetune(
            client,
            "ERNIE-Bot-turbo-0725",
            Dataset.Load("42"),
            new TrainConfig { Epoch = 1, LearningRate = 2e-5, BatchSize = 4, MaxSeqLen = 4096, PeftType = PeftType.LoRA },
            new DeployConfig { PoolType = DeployPoolType.PublicResource }),
        CreateHarnessDatasetAsync,
        version: ApiVersion.V1,
        after: async (clients, output) =>
        {
            var service = Service.Loads(WithVersion(output["service"]!), clients.Client);
            (await service.GetStatusAsync(Given.Token)).ShouldBe(ServiceStatus.Deployed);
            (await service.ExecAsync(Hi, Given.Token))["result"]!.GetValue<string>().ShouldContain("heard hi");
        });

    public static Task<RecordedRun> SeedDefaultConfigAsync() => RunAsync(
        "seed_default_config",
        [Differences.Names, Differences.TaskNamesBaseModel, Differences.ReleaseWhenNeeded, Differences.LookBeforePublish],
        client => new LlmFinetune(client, "ERNIE-Bot-turbo-0725", Dataset.Load("42")),
        CreateHarnessDatasetAsync,
        version: ApiVersion.V1);

    public static Task<RecordedRun> SeedStopAsync() => RunAsync(
        "seed_stop",
        [Differences.Names, Differences.TaskNamesBaseModel, Differences.ReleaseWhenNeeded, Differences.StopStopsTheTask],
        client => new LlmFinetune(client, "ERNIE-Bot-turbo-0725", Dataset.Load("42")),
        CreateHarnessDatasetAsync,
        stopAt: "POST /wenxinworkshop/finetune/createJob",
        version: ApiVersion.V1);

    private static async Task<RecordedRun> RunAsync(
        string scenario,
        Difference[] differences,
        Func<QianfanClient, Trainer> create,
        Func<QianfanClient, Task>? before = null,
        Func<Trainer, Task>? run = null,
        string? stopAt = null,
        ApiVersion version = ApiVersion.V2,
        Func<(QianfanClient Client, QianfanClient V1), JsonObject, Task>? after = null)
    {
        var platform = new ReplayPlatform(Exchange.Of(scenario), differences);
        var options = Given.Options(ours: false) with { ApiVersion = version, BaseUrl = "http://inference.test" };
        if (version == ApiVersion.V1)
        {
            options = options with { ApplicationKey = "<AK>", ApplicationSecret = "<SK>" };
        }

        var client = new QianfanClient(options, new HttpClient(platform));
        if (before is not null)
        {
            await before(client);
        }

        var trainer = create(client);
        var store = new EventStore();
        trainer.RegisterEventHandler(store);
        platform.After = async call =>
        {
            if (call == stopAt)
            {
                await trainer.StopAsync(Given.Token);
            }
        };
        var error = await Record.ExceptionAsync(() => run is null ? trainer.RunAsync(cancellationToken: Given.Token) : run(trainer));
        if (error is not null and not QianfanException)
        {
            throw new InvalidOperationException("The run broke.", error);
        }

        if (after is not null)
        {
            await after((client, new QianfanClient(options with { ApiVersion = ApiVersion.V1 }, new HttpClient(platform))), trainer.Output!);
        }

        platform.Verify();
        return new RecordedRun(store.Events, trainer.Output ?? [], trainer.Status, error);
    }

    /// <summary>A service in a pipeline's output has no version of its own: it is part of the pipeline's state.</summary>
    private static string WithVersion(JsonNode service)
    {
        var state = (JsonObject)service.DeepClone();
        state["version"] = 2;
        return state.ToJsonString();
    }

    private static async Task CreateHarnessDatasetAsync(QianfanClient client) =>
        (await client.Datasets.CreateAsync(new DatasetCreateRequest { Name = "harness_ds" }, Given.Token)).DatasetId.ShouldBe(client.Options.ApiVersion == ApiVersion.V1 ? "42" : HarnessDataset);

    /// <summary>A pipeline of two actions, as the official client resumed one.</summary>
    private sealed class ResumedTraining(Pipeline pipeline) : Trainer(pipeline);
}

/// <summary>What a scenario gave.</summary>
internal sealed record RecordedRun(IReadOnlyList<Event> Events, JsonObject Output, string Status, Exception? Error);
