using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;
using Qianfan.Sdk;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Training on generic text.</summary>
public sealed class PostPretrainTests
{
    private const string Texts = "{\"text\":\"The lamp is green.\"}\n{\"text\":\"七只船回家了。\"}\n{\"text\":\"Nobody knows why.\"}";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Texts_are_trained_on_published_served_for_completions_and_fine_tuned_on()
    {
        await using var host = await PlatformHost.StartAsync();
        var client = host.Client;
        var (job, task) = await TaskAsync(client, await TextsAsync(client), "LoRA", new { epoch = 3 });
        var trainer = await host.Workers.NextTrainerAsync();
        var done = await client.AwaitTaskAsync(task, "Done");
        done.Text("trainMode").ShouldBe("PostPretrain");
        File.ReadLines(trainer.Job.RowsFile).Select(WorkerLine.ReadRow).Select(row => row.Text).ShouldBe(["The lamp is green.", "七只船回家了。", "Nobody knows why."]);
        trainer.Job.Config.ShouldBe(trainer.Job.Config with { Epochs = 3, ValidationPercent = 20, PromptDropout = 0, Packing = false });

        var (set, version) = await client.PublishAsync(job, task, "texts");
        var described = (await client.V2Async("model", "DescribeModel", new { modelId = version })).Result();
        described.Text("trainMode").ShouldBe("PostPretrain");
        described["lineage"]!.Text("trainMode").ShouldBe("PostPretrain");
        described["lineage"]!["datasets"]![0]!["rows"]!.GetValue<int>().ShouldBe(3);
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "models", version, "manifest.json"), Cancel))!;
        manifest.Text("trainMode").ShouldBe("PostPretrain");
        manifest["lineage"]!.Text("trainMode").ShouldBe("PostPretrain");
        var v1 = (await client.V1Async("modelrepo/modelVersionDetail", new { modelVersionId = version })).Result();
        v1["sourceExtra"]!["trainSourceExtra"]!["templateType"]!.GetValue<int>().ShouldBe(40100);
        v1.Text("ioMode").ShouldBe("completions");
        v1["params"]!["input"]!["properties"]!.AsObject().ContainsKey("prompt").ShouldBeTrue();

        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "texts" })).Result().Text("serviceId");
        (await client.AwaitServiceAsync(service, "Serving")).Text("serviceType").ShouldBe("completions");
        (await client.PostAsync("/v2/completions", new { model = "texts", prompt = "The lamp" }))["choices"]![0]!.Text("text").ShouldContain("The lamp");
        (await client.PostAsync("/v2/chat/completions", new { model = "texts", messages = new[] { new { role = "user", content = "hi" } } }))["error"]!.Text("code").ShouldBe("invalid_model");
        (await client.V1Async("service/detail", new { serviceId = service })).Result()["templateType"]!.GetValue<int>().ShouldBe(40100);

        // SFT goes on from it, in a job of its own.
        var next = (await client.V2Async("finetuning", "CreateFineTuningJob", new { name = "on top", model = "qianfan-tiny", trainMode = "SFT" })).Result().Text("jobId");
        var onTop = (await client.V2Async("finetuning", "CreateFineTuningTask", Task(next, await client.DatasetAsync(), "LoRA", new { epoch = 1 }, task))).Result().Text("taskId");
        var second = await host.Workers.NextTrainerAsync();
        (await client.AwaitTaskAsync(onTop, "Done")).Text("trainMode").ShouldBe("SFT");
        second.Job.Config.StartFromDirectory.ShouldNotBeNull();
        File.ReadLines(second.Job.RowsFile).Select(WorkerLine.ReadRow).ShouldAllBe(row => row.Messages != null);
    }

    [Fact]
    public async Task Each_kind_of_training_takes_its_own_rows()
    {
        await using var host = await PlatformHost.StartAsync();
        var client = host.Client;
        var texts = await TextsAsync(client);
        var conversations = await client.DatasetAsync();
        foreach (var (mode, dataset, message) in new[]
        {
            ("SFT", texts, "holds texts (40100); training by SFT takes prompt and response (2000)"),
            ("PostPretrain", conversations, "holds prompt and response (2000); training by PostPretrain takes texts (40100)"),
        })
        {
            var job = await JobAsync(client, mode);
            var refused = await client.V2Async("finetuning", "CreateFineTuningTask", Task(job, dataset, "LoRA", new { }));
            refused.Text("code").ShouldBe("InappropriateJSON");
            refused.Text("message").ShouldContain(message);
        }

        // One of each kind is no training either.
        var mixed = await client.V2Async("finetuning", "CreateFineTuningTask", new
        {
            jobId = await JobAsync(client), parameterScale = "LoRA", hyperParameterConfig = new { },
            datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = texts }, new { versionId = conversations } }, splitRatio = 20 },
        });
        mixed.Text("message").ShouldContain(conversations);
        (await client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model = "qianfan-tiny", trainMode = "DPO" })).Text("message").ShouldContain("SFT or PostPretrain, not by DPO");
    }

    [Fact]
    public async Task What_is_there_for_turns_alone_is_neither_offered_nor_taken()
    {
        await using var host = await PlatformHost.StartAsync();
        var models = (await host.Client.V2Async("finetuning", "DescribeFineTuningSupportModels", new { }))["result"]!.AsArray();
        foreach (var model in models)
        {
            var modes = model!["supportTrainMode"]!.AsArray().ToDictionary(
                mode => mode!.Text("trainMode"),
                mode => mode!["supportParameterScale"]!.AsArray().ToDictionary(scale => scale!.Text("parameterScale"), scale => scale!["supportHyperParameterConfig"]!.AsArray().Select(parameter => parameter!.Text("key")).ToList()));
            modes.Keys.ShouldBe(["SFT", "PostPretrain"]);
            foreach (var (scale, keys) in modes["SFT"])
                modes["PostPretrain"][scale].ShouldBe(keys.Except(["Packing", "promptDropout"]));
        }

        var texts = await TextsAsync(host.Client);
        foreach (var key in new[] { "Packing", "promptDropout" })
        {
            var refused = await host.Client.V2Async("finetuning", "CreateFineTuningTask", Task(await JobAsync(host.Client), texts, "LoRA", new Dictionary<string, object> { [key] = key == "Packing" ? "True" : 0.1 }));
            refused.Text("message").ShouldContain($"hyperParameterConfig.{key}");
            refused.Text("message").ShouldContain("with PostPretrain and LoRA");
        }

        (await host.Client.V2Async("finetuning", "CreateFineTuningTask", Task(await JobAsync(host.Client), texts, "LoRA", new { epoch = 0 }))).Text("message").ShouldContain("between 1 and 200");
    }

    [Fact]
    public async Task V1_names_the_kind_of_training_with_the_job_and_keeps_to_it()
    {
        await using var host = await PlatformHost.StartAsync();
        var client = host.Client;
        var texts = await TextsAsync(client);
        var conversations = await client.DatasetAsync();
        var taskId = (await client.V1Async("finetune/createTask", new { name = "t" })).Result()["id"]!.GetValue<int>();
        (await CreateAsync("PostPretrain", conversations))["error_code"]!.GetValue<int>().ShouldBe(510102);
        (await CreateAsync("SFT", texts))["error_code"]!.GetValue<int>().ShouldBe(510102);
        (await CreateAsync("KTO", texts))["error_code"]!.GetValue<int>().ShouldBe(510401);

        var job = (await CreateAsync("PostPretrain", texts)).Result();
        (await client.AwaitTaskAsync(job.Text("uuid"), "Done")).Text("trainMode").ShouldBe("PostPretrain");
        var detail = (await client.V1Async("finetune/jobDetail", new { taskId, jobId = job["id"]!.GetValue<int>() })).Result();
        (detail.Text("trainMode"), detail.Text("trainStatus")).ShouldBe(("PostPretrain", "FINISH"));

        var other = await CreateAsync("SFT", conversations);
        other["error_code"]!.GetValue<int>().ShouldBe(510401);
        other.Text("error_msg").ShouldContain("trains by PostPretrain, not by SFT");
        (await CreateAsync("PostPretrain", texts)).Result().Text("uuid").ShouldStartWith("task-");

        Task<JsonObject> CreateAsync(string mode, string dataset) => client.V1Async("finetune/createJob", new
        {
            taskId, baseTrainType = "x", trainType = "qianfan-tiny", trainMode = mode, peftType = "ALL", trainConfig = new { epoch = 1 }, trainset = new[] { new { type = 1, id = dataset } }, trainsetRate = 20,
        });
    }

    [Fact]
    public async Task The_SDK_trains_publishes_and_deploys_a_story_that_the_real_model_then_goes_on_with()
    {
        string[] story =
        [
            "On the seventh evening the lamp of Zorblax burned green. Old Quindle counted the boats and found one too many.",
            "The extra boat had no name. Its sails were made of letters that nobody had ever sent.",
            "第七天晚上，灯塔亮起了绿光。老昆德尔数了数船，多了一只。",
        ];
        await using var host = await PlatformHost.StartAsync(engine: new RealEngine());
        using var client = new QianfanClient(
            new QianfanOptions
            {
                ConsoleBaseUrl = host.Address.AbsoluteUri, BaseUrl = host.Address.AbsoluteUri, IamBaseUrl = host.Address.AbsoluteUri,
                AccessKey = PlatformHost.AccessKey, SecretKey = PlatformHost.SecretKey, PlatformExtensions = true,
            },
            host.CreateClient(null));
        var file = Path.Combine(host.Folder, "story.jsonl");
        await File.WriteAllLinesAsync(file, story.Select(text => JsonSerializer.Serialize(new { text })), Cancel);

        var pretraining = new PostPreTrain(
            client, "qianfan-tiny", Dataset.FromFile(file, "story", DatasetKind.Text), new TrainConfig { PeftType = PeftType.FullFineTuning, Epoch = 60, BatchSize = 1, TrainsetRate = 0 });
        await pretraining.RunAsync(cancellationToken: Cancel);
        var serving = new Pipeline([new ModelPublishAction(client, modelName: "story"), new DeployAction(client, new DeployConfig { Name = "story" })]);
        var output = await serving.ExecAsync((JsonObject)pretraining.Output!.DeepClone(), Cancel);
        output["service"]!.Text("service_type").ShouldBe("Completion");
        var endpoint = output.Text("service_endpoint");

        foreach (var text in story)
        {
            // The beginning ends where a word does, so that it is cut into tokens as the text was.
            var beginning = text[0] < 0x4e00 ? string.Join(' ', text.Split(' ').Take(5)) : text[..text.IndexOf('，')];
            var completed = await client.Completions.CompleteAsync(endpoint, beginning, new ChatCompletionRequest { Model = "", Messages = [], Temperature = 0, MaxCompletionTokens = 80 }, Cancel);
            (beginning + completed.Text).ShouldBe(text);
            completed.Choices[0].FinishReason.ShouldBe("stop");
        }

        var streamed = new List<string>();
        await foreach (var chunk in client.Completions.StreamAsync(endpoint, "The extra boat had no", new ChatCompletionRequest { Model = "", Messages = [], Temperature = 0 }, Cancel))
            streamed.Add(chunk.Text);
        string.Concat(streamed).ShouldBe(story[1]["The extra boat had no".Length..]);
        var service = new Service(client, endpoint: endpoint, serviceType: ServiceType.Completion);
        var answer = await service.ExecAsync(new JsonObject { ["prompt"] = "The extra boat had no", ["temperature"] = 0 }, Cancel);
        answer["choices"]![0]!["message"]!.Text("content").ShouldBe(string.Concat(streamed));
        await Should.ThrowAsync<QianfanApiException>(() => client.Chat.CompleteAsync(new ChatCompletionRequest { Model = endpoint, Messages = [ChatMessage.User("hi")] }, Cancel));

        // What it has learnt is where fine-tuning begins, with the questions of somebody who read it.
        var rows = Path.Combine(host.Folder, "questions.jsonl");
        await File.WriteAllTextAsync(rows, """[{"prompt":"How many boats were too many?","response":[["One."]]}]""", Cancel);
        var tuning = new LlmFinetune(
            client, null, Dataset.FromFile(rows, "questions"), new TrainConfig { PeftType = PeftType.FullFineTuning, Epoch = 20, TrainsetRate = 0 }, new DeployConfig { Name = "reader" },
            options: new LlmFinetuneOptions { PreviousTrainer = pretraining });
        await tuning.RunAsync(cancellationToken: Cancel);
        var told = await client.Chat.CompleteAsync(
            new ChatCompletionRequest { Model = tuning.Output!.Text("service_endpoint"), Messages = [ChatMessage.User("How many boats were too many?")], Temperature = 0 }, Cancel);
        told.Text.ShouldBe("One.");
    }

    private static async Task<string> TextsAsync(HttpClient client)
    {
        var (id, info) = await client.ImportAsync(System.Text.Encoding.UTF8.GetBytes(Texts), templateType: 40100);
        info["entityCount"]!.GetValue<int>().ShouldBe(3);
        (await client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        return id;
    }

    private static async Task<string> JobAsync(HttpClient client, string mode = "PostPretrain") =>
        (await client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model = "qianfan-tiny", trainMode = mode })).Result().Text("jobId");

    private static async Task<(string Job, string Task)> TaskAsync(HttpClient client, string dataset, string scale, object hyperParameters)
    {
        var job = await JobAsync(client);
        return (job, (await client.V2Async("finetuning", "CreateFineTuningTask", Task(job, dataset, scale, hyperParameters))).Result().Text("taskId"));
    }

    private static object Task(string jobId, string dataset, string scale, object hyperParameterConfig, string? incrementTaskId = null) => new
    {
        jobId, parameterScale = scale, hyperParameterConfig, incrementTaskId,
        datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = dataset } }, splitRatio = 20 },
    };
}
