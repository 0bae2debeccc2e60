using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>The seed era's console: integer ids, its own words, its own error codes.</summary>
public sealed class ConsoleV1Tests
{
    private static Action<PlatformOptions> Aliases => options =>
    {
        foreach (var name in new[] { "ERNIE-Bot-turbo-0725", "eb-instant" }) options.ModelAliases[name] = "qianfan-tiny";
    };

    [Fact]
    public async Task A_run_of_the_seed_era_goes_from_dataset_to_chat()
    {
        await using var host = await PlatformHost.StartAsync(configure: Aliases);
        var client = host.Client;
        var dataset = await DatasetIdAsync(client);
        var task = (await client.V1Async("finetune/createTask", new { name = "task_ab12" })).Result();
        var taskId = task["id"]!.GetValue<int>();
        task.Text("uuid").ShouldStartWith("job-");
        var job = (await client.V1Async("finetune/createJob", Job(taskId, dataset))).Result();
        var jobId = job["id"]!.GetValue<int>();
        await client.AwaitTaskAsync(job.Text("uuid"), "Done");
        var trainer = await host.Workers.NextTrainerAsync();
        trainer.Job.Config.MaxSequenceLength.ShouldBe(512);
        trainer.Job.BaseModelDirectory.ShouldEndWith("qianfan-tiny");
        trainer.Job.Config.ValidationPercent.ShouldBe(20);

        var detail = (await client.V1Async("finetune/jobDetail", new { taskId, jobId })).Result();
        detail["id"]!.GetValue<int>().ShouldBe(jobId);
        detail["taskId"]!.GetValue<int>().ShouldBe(taskId);
        detail["progress"]!.GetValue<int>().ShouldBe(100);
        detail["version"]!.GetValue<int>().ShouldBe(1);
        detail.Text("trainStatus").ShouldBe("FINISH");
        detail.Text("trainType").ShouldBe("ERNIE-Bot-turbo-0725");
        detail.Text("peftType").ShouldBe("ALL");
        detail.Text("finishTime").Length.ShouldBe("0000-00-00 00:00:00".Length);

        var published = (await client.V1Async("modelrepo/publishTrainModel", new { isNewModel = true, modelName = "m_1", versionMeta = new { taskId, iterationId = jobId } })).Result();
        var modelId = published["modelId"]!.GetValue<int>();
        var versionId = (await client.V1Async("modelrepo/modelDetail", new { modelId })).Result()["modelVersionList"]![0]!["modelVersionId"]!.GetValue<int>();
        var applied = (await client.V1Async("service/apply", new { modelId, modelVersionId = versionId, name = "svc", uri = "", replicas = 1, poolType = 1, iteration_id = versionId })).Result();
        applied["result"]!.GetValue<bool>().ShouldBeTrue();
        var serviceId = applied["serviceId"]!.GetValue<int>();
        await client.AwaitServiceAsync(serviceId.ToString(System.Globalization.CultureInfo.InvariantCulture), "Serving");
        var service = (await client.V1Async("service/detail", new { serviceId })).Result();
        service.Text("serviceStatus").ShouldBe("Done");
        service["modelId"]!.GetValue<int>().ShouldBe(modelId);
        var uri = service.Text("uri");
        uri.ShouldStartWith("ep_");
        (await client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/" + uri, new { messages = new[] { new { role = "user", content = "hi" } } })).Text("result").ShouldEndWith(": hi");

        var listed = (await client.V1Async("service/list", new { apiTypefilter = new[] { "embeddings" } })).Result();
        listed["custom"]!.AsArray().Single()!.Text("url").ShouldEndWith("/embeddings/" + uri);
        listed["common"]!.AsArray().Select(entry => entry!.Text("name")).ShouldBe(["qianfan-tiny", "ERNIE-Bot-turbo-0725", "eb-instant"]);
    }

    [Fact]
    public async Task Another_name_of_a_base_model_is_served_by_the_same_weights()
    {
        await using var host = await PlatformHost.StartAsync(configure: Aliases);
        (await host.Client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/EB-Instant", new { messages = new[] { new { role = "user", content = "hi" } } })).Text("result").ShouldBe("qianfan-tiny: hi");
        (await host.Client.GetJsonAsync("/v1/models"))["data"]!.AsArray().Select(model => model!.Text("id")).ShouldBe(["qianfan-tiny", "ERNIE-Bot-turbo-0725", "eb-instant"]);
        (await host.Client.V2Async("finetuning", "DescribeFineTuningSupportModels", new { }))["result"]!.AsArray().Select(model => model!.Text("model")).ShouldContain("ERNIE-Bot-turbo-0725");
        (await host.Workers.NextServerAsync()).Received.OfType<WorkerProtocol.LoadModel>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_job_is_stopped_once()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false }, configure: Aliases);
        var taskId = (await host.Client.V1Async("finetune/createTask", new { name = "t", trainType = "ERNIE-Bot-turbo-0725" })).Result()["id"]!.GetValue<int>();
        var job = (await host.Client.V1Async("finetune/createJob", Job(taskId, await DatasetIdAsync(host.Client)))).Result();
        var jobId = job["id"]!.GetValue<int>();
        await host.Client.AwaitTaskAsync(job.Text("uuid"), "Running");
        (await host.Client.V1Async("finetune/jobDetail", new { taskId, jobId })).Result().Text("trainStatus").ShouldBe("RUNNING");
        (await host.Client.V1Async("finetune/stopJob", new { taskId, jobId })).Result<bool>().ShouldBeTrue();
        await host.Client.AwaitTaskAsync(job.Text("uuid"), "Stopped");
        (await host.Client.V1Async("finetune/jobDetail", new { taskId, jobId })).Result().Text("trainStatus").ShouldBe("STOP");
        (await host.Client.V1Async("finetune/stopJob", new { taskId, jobId }))["error_code"]!.GetValue<int>().ShouldBe(510302);
    }

    [Fact]
    public async Task Mistakes_have_the_documented_codes()
    {
        await using var host = await PlatformHost.StartAsync(configure: Aliases);
        var client = host.Client;
        var taskId = (await client.V1Async("finetune/createTask", new { name = "t" })).Result()["id"]!.GetValue<int>();
        var dataset = await DatasetIdAsync(client);
        var (_, v2Task) = await client.TaskAsync();
        await ShouldBeAsync(510202, "createJob", Job(9999, dataset));
        await ShouldBeAsync(510202, "jobDetail", new { taskId = "job-none", jobId = 1 });
        await ShouldBeAsync(510301, "jobDetail", new { taskId, jobId = 9999 });
        // Of another task.
        await ShouldBeAsync(510301, "jobDetail", new { taskId, jobId = v2Task });
        await ShouldBeAsync(510102, "createJob", Job(taskId, 9999));
        await ShouldBeAsync(510102, "createJob", Job(taskId, dataset, type: 2));
        await ShouldBeAsync(510401, "createJob", Job(taskId, dataset, epoch: 9999));
        await ShouldBeAsync(510401, "createJob", Job(taskId, dataset, peft: "P-tuning"));
        await ShouldBeAsync(510401, "createJob", Job(taskId, dataset, model: "ERNIE-9"));
        await ShouldBeAsync(510401, "createJob", Job(taskId, dataset, model: "qianfan-tiny"));
        await ShouldBeAsync(510401, "createJob", Job(taskId, dataset, mode: "DPO"));
        await ShouldBeAsync(500001, "createJob", new { taskId });
        await ShouldBeAsync(500001, "createTask", new { name = "t", trainType = "ERNIE-9" });
        using var other = host.OtherOwner();
        (await other.V1Async("finetune/jobDetail", new { taskId, jobId = 1 }))["error_code"]!.GetValue<int>().ShouldBe(510202);
        return;

        async Task ShouldBeAsync(int code, string action, object body)
        {
            var answer = await client.V1Async("finetune/" + action, body);
            answer["error_code"]?.GetValue<int>().ShouldBe(code, answer.ToJsonString());
            answer.ContainsKey("error_code").ShouldBeTrue(answer.ToJsonString());
        }
    }

    [Fact]
    public async Task Tokens_are_counted_by_the_models_own_tokenizer()
    {
        await using var host = await PlatformHost.StartAsync(configure: Aliases);
        var answer = await host.Client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/tokenizer/erniebot", new { prompt = "你好 world", model = "eb-instant" });
        answer.Text("object").ShouldBe("tokenizer.erniebot");
        answer["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(3);
    }

    [Fact]
    public async Task Models_are_listed_page_by_page()
    {
        await using var host = await PlatformHost.StartAsync(configure: Aliases);
        foreach (var name in new[] { "one", "two", "three" }) await host.Client.V2Async("model", "CreateCustomModelSet", new { modelSetName = name });
        (await NamesAsync("user", new { pageNo = 1, pageSize = 2 })).ShouldBe("three,two of 3");
        (await NamesAsync("user", new { pageNo = 2, pageSize = 2 })).ShouldBe("one of 3");
        (await NamesAsync("user", new { order = "asc", orderBy = "create_time", nameFilter = "t" })).ShouldBe("two,three of 2");
        (await NamesAsync("user", new { modelType = new[] { 1 } })).ShouldBe(" of 0");
        (await NamesAsync("preset", new { nameFilter = "ernie" })).ShouldBe("ERNIE-Bot-turbo-0725 of 1");
        foreach (var wrong in new object[] { new { pageNo = 0 }, new { pageSize = 1000 }, new { order = "up" } })
            (await host.Client.V1Async("modelrepo/model/user/list", wrong))["error_code"]!.GetValue<int>().ShouldBe(500001);
        return;

        async Task<string> NamesAsync(string kind, object body)
        {
            var result = (await host.Client.V1Async($"modelrepo/model/{kind}/list", body)).Result();
            return string.Join(',', result["modelList"]!.AsArray().Select(model => model!.Text("modelName"))) + $" of {result["total"]}";
        }
    }

    [Fact]
    public async Task A_model_of_V2_is_made_empty_and_filled_from_a_task()
    {
        await using var host = await PlatformHost.StartAsync();
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var set = (await host.Client.V2Async("model", "CreateCustomModelSet", new { modelSetName = "mine", modelType = "Text2Text" })).Result().Text("modelSetId");
        (await host.Client.V2Async("model", "CreateCustomModelSet", new { modelSetName = "mine", modelType = "Text2Text" })).Text("code").ShouldBe("OperationConflict");
        (await host.Client.V2Async("model", "CreateCustomModel", new { modelSetId = set, sourceType = "Import", importMeta = new { } })).Text("code").ShouldBe("NotSupported");
        var made = (await host.Client.V2Async("model", "CreateCustomModel", new { modelSetId = set, sourceType = "Train", trainMeta = new { taskId = task } })).Result();
        made.Text("modelSetId").ShouldBe(set);
        var described = (await host.Client.V2Async("model", "DescribeModel", new { modelId = made.Text("modelId") })).Result();
        described["sourceInfo"]!.Text("trainJobId").ShouldBe(job);
        (await host.Client.V2Async("service", "DescribePresetServices", new { })).Result()["serviceList"]!.AsArray().Single()!.Text("serviceId").ShouldBe("qianfan-tiny");
    }

    private static object Job(int taskId, int dataset, int type = 1, int epoch = 1, string peft = "ALL", string model = "ERNIE-Bot-turbo-0725", string mode = "SFT") => new
    {
        taskId, baseTrainType = "ERNIE-Bot-turbo", trainType = model, trainMode = mode, peftType = peft,
        trainConfig = new { epoch, learningRate = 0.00003, batchSize = 4, maxSeqLen = 4096 }, trainset = new[] { new { type, id = dataset } }, trainsetRate = 20,
    };

    private static async Task<int> DatasetIdAsync(HttpClient client) =>
        (await client.V1Async("dataset/info", new { datasetId = await client.DatasetAsync() })).Result()["versionInfo"]!["id"]!.GetValue<int>();
}
