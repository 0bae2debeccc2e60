using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>OpenAI's way in: a file, a job, a model that answers.</summary>
public sealed class OpenAITests
{
    [Fact]
    public async Task A_job_ends_with_a_model_that_answers()
    {
        await using var host = await PlatformHost.StartAsync();
        var file = await host.Client.UploadAsync();
        var job = await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny", suffix = "support", hyperparameters = new { n_epochs = 2, batch_size = "auto", learning_rate_multiplier = 2 } });
        var id = job.Text("id");
        id.ShouldStartWith("ftjob-");
        job.Text("object").ShouldBe("fine_tuning.job");
        var trainer = await host.Workers.NextTrainerAsync();
        var done = await AwaitAsync(host.Client, id, "succeeded", "failed");
        done.Text("status").ShouldBe("succeeded", done.ToJsonString());
        trainer.Job.Config.Epochs.ShouldBe(2);
        trainer.Job.Config.LearningRate.ShouldBe(0.002);
        var model = done.Text("fine_tuned_model");
        model.ShouldStartWith("ft:qianfan-tiny:platform:support:");
        (await host.Client.GetJsonAsync("/v1/models"))["data"]!.AsArray().Select(entry => entry!.Text("id")).ShouldBe(["qianfan-tiny", model]);
        (await host.Client.GetJsonAsync("/v1/models/" + model)).Text("id").ShouldBe(model);
        var chat = await host.Client.PostAsync("/v1/chat/completions", new { model, messages = new object[] { new { role = "system", content = "s" }, new { role = "user", content = new[] { new { type = "text", text = "hi" } } } } });
        chat["choices"]![0]!["message"]!.Text("content").ShouldEndWith(": hi");

        var events = (await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{id}/events?limit=3"))["data"]!.AsArray();
        events.Count.ShouldBe(3);
        events[0]!.Text("message").ShouldContain(model);
        var older = (await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{id}/events?limit=100&after={events[2]!.Text("id")}"))["data"]!.AsArray();
        older.ShouldContain(entry => entry!.Text("type") == "metrics");
        (await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{id}/checkpoints"))["data"]![0]!["step_number"]!.GetValue<int>().ShouldBe(6);
        (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs"))["data"]!.AsArray().Single()!.Text("id").ShouldBe(id);
    }

    [Fact]
    public async Task A_job_is_cancelled()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var job = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = await host.Client.UploadAsync(), model = "qianfan-tiny" })).Text("id");
        await AwaitAsync(host.Client, job, "running");
        await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/cancel", new { });
        await AwaitAsync(host.Client, job, "cancelled");
    }

    [Theory]
    [InlineData("{\"model\":\"qianfan-tiny\"}", "training_file")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\"}", "training_file")]
    [InlineData("{\"model\":\"gpt\",\"training_file\":\"file-none\"}", "model")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"hyperparameters\":{\"n_epochs\":\"lots\"}}", "hyperparameters.n_epochs")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"method\":{\"type\":\"dpo\"}}", "method.type")]
    public async Task A_mistake_names_its_parameter(string body, string parameter)
    {
        await using var host = await PlatformHost.StartAsync();
        var error = (await host.Client.PostAsync("/v1/fine_tuning/jobs", JsonNode.Parse(body)!))["error"]!;
        error.Text("type").ShouldBe("invalid_request_error");
        error.Text("param").ShouldBe(parameter);
    }

    [Fact]
    public async Task A_file_without_good_rows_is_refused_and_leaves_no_dataset()
    {
        await using var host = await PlatformHost.StartAsync();
        var file = await host.Client.UploadAsync("rubbish\nmore rubbish\n");
        var error = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny" }))["error"]!;
        error.Text("param").ShouldBe("training_file");
        (await host.Client.V1Async("dataset/list", new { })).Result()["total"]!.GetValue<int>().ShouldBe(0);
    }

    private static async Task<JsonObject> AwaitAsync(HttpClient client, string job, params string[] statuses)
    {
        while (true)
        {
            var answer = await client.GetJsonAsync("/v1/fine_tuning/jobs/" + job);
            if (statuses.Contains(answer.Text("status"))) return answer;
            await PlatformCalls.BreatheAsync();
        }
    }
}
