using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>The recorded flow of the official trainer, request by request, with what its client reads.</summary>
public sealed class FineTuneFlowTests
{
    [Theory]
    [InlineData("FullFineTuning")]
    [InlineData("LoRA")]
    public async Task From_rows_to_the_first_answer(string scale)
    {
        await using var host = await PlatformHost.StartAsync();
        var client = host.Client;

        var models = await client.V2Async("finetuning", "DescribeFineTuningSupportModels", new { });
        var epoch = models["result"]![0]!["supportTrainMode"]![0]!["supportParameterScale"]![0]!["supportHyperParameterConfig"]![0]!;
        foreach (var member in new[] { "key", "name", "description", "type", "checkType", "checkValue", "default" }) epoch[member].ShouldNotBeNull(member);

        var dataset = await client.DatasetAsync();
        var info = await client.V1Async("dataset/info", new { datasetId = dataset });
        info["status"]!.GetValue<int>().ShouldBe(200);
        info["success"]!.GetValue<bool>().ShouldBeTrue();
        info.Result()["versionInfo"]!["entityCount"]!.GetValue<int>().ShouldBe(2);
        info.Result()["versionInfo"]!["releaseStatus"]!.GetValue<int>().ShouldBe(2);
        foreach (var member in new[] { "storageId", "storageName", "storagePath", "rawStoragePath", "region" }) info.Result()["versionInfo"]!["storage"]![member].ShouldNotBeNull(member);

        var (job, task) = await client.TaskAsync(scale, dataset: dataset);
        job.ShouldStartWith("job-");
        task.ShouldStartWith("task-");
        var done = await client.AwaitTaskAsync(task, "Done", "Failed");
        done.Text("runStatus").ShouldBe("Done", done.ToJsonString());
        done.Text("runProgress").ShouldBe("100%");
        done["metrics"]!["trainingLoss"]!.GetValue<double>().ShouldBe(0.5);
        done["metrics"]!["validationLoss"]!.GetValue<double>().ShouldBe(0.75);
        done["checkpointList"]!.AsArray().Select(checkpoint => checkpoint!["step"]!.GetValue<int>()).ShouldBe([2, 4, 6]);

        var published = (await client.V1Async("modelrepo/publishTrainModel", new { isNewModel = true, modelName = "m_1", versionMeta = new { taskId = job, iterationId = task } })).Result();
        published["modelId"]!.GetValue<int>().ShouldBeGreaterThan(0);
        var set = published.Text("modelIDStr");
        var version = published.Text("versionIdStr");
        var described = (await client.V2Async("model", "DescribeModelSet", new { modelSetId = set })).Result();
        described["modelIds"]!.AsArray().Select(id => (string?)id).ShouldBe([version]);
        var detail = (await client.V1Async("modelrepo/modelVersionDetail", new { modelVersionId = version })).Result();
        detail.Text("modelIdStr").ShouldBe(set);
        detail.Text("state").ShouldBe("Ready");
        detail["sourceExtra"]!["trainSourceExtra"]!.Text("taskIdStr").ShouldBe(job);
        detail["sourceExtra"]!["trainSourceExtra"]!.Text("runIdStr").ShouldBe(task);
        detail["sourceExtra"]!["trainSourceExtra"]!["taskId"]!.GetValue<int>().ShouldBeGreaterThan(0);
        detail["sourceExtra"]!["trainSourceExtra"]!["runId"]!.GetValue<int>().ShouldBeGreaterThan(0);

        var suffix = $"svc{set}_{version}";
        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = suffix, urlSuffix = suffix, resourceConfig = new { type = "GPU-I-2", replicasCount = 1 } })).Result().Text("serviceId");
        var serving = await client.AwaitServiceAsync(service, "Serving", "Failed");
        serving.Text("runStatus").ShouldBe("Serving", serving.ToJsonString());
        serving.Text("url").ShouldBe($"http://platform.test/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/{suffix}");

        var listed = (await client.V1Async("service/list", new { })).Result();
        listed["common"]!.AsArray().Select(entry => entry!.Text("apiType") + "/" + entry!.Text("name")).ShouldBe(["chat/qianfan-tiny", "completions/qianfan-tiny", "embeddings/qianfan-tiny"]);
        listed["custom"]!.AsArray().Select(entry => entry!.Text("url").Split("wenxinworkshop")[1]).ShouldBe([$"/chat/{suffix}", $"/completions/{suffix}", $"/embeddings/{suffix}"]);

        var v1 = await client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/" + suffix, new { messages = new[] { new { role = "user", content = "hi" } }, stream = false });
        v1.Text("result").ShouldBe($"{version}: hi");
        v1["usage"]!["total_tokens"]!.GetValue<int>().ShouldBeGreaterThan(0);
        var v2 = await client.PostAsync("/v2/chat/completions", new { model = suffix, messages = new[] { new { role = "user", content = "你好" } } });
        v2["choices"]![0]!["message"]!.Text("content").ShouldBe($"{version}: 你好");
        v2["choices"]![0]!.Text("finish_reason").ShouldBe("stop");
    }
}
