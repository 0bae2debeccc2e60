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
        var job = await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny", suffix = "support", seed = 7, metadata = new { team = "support" }, hyperparameters = new { n_epochs = 2, batch_size = "auto", learning_rate_multiplier = 2 } });
        var id = job.Text("id");
        id.ShouldStartWith("ftjob-");
        job.Text("object").ShouldBe("fine_tuning.job");
        var trainer = await host.Workers.NextTrainerAsync();
        var done = await AwaitAsync(host.Client, id, "succeeded", "failed");
        done.Text("status").ShouldBe("succeeded", done.ToJsonString());
        trainer.Job.Config.Epochs.ShouldBe(2);
        trainer.Job.Config.LearningRate.ShouldBe(0.002);
        trainer.Job.Config.Seed.ShouldBe(7);
        done["seed"]!.GetValue<int>().ShouldBe(7);
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
        var checkpoints = await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{id}/checkpoints?limit=2");
        checkpoints["data"]!.AsArray().Select(entry => entry!["step_number"]!.GetValue<int>()).ShouldBe([6, 4]);
        checkpoints["has_more"]!.GetValue<bool>().ShouldBeTrue();
        checkpoints["data"]![0]!.Text("fine_tuned_model_checkpoint").ShouldBe(model);
        checkpoints["data"]![1]!["fine_tuned_model_checkpoint"].ShouldBeNull();
        var rest = await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{id}/checkpoints?after={checkpoints.Text("last_id")}");
        rest["data"]!.AsArray().Single()!["step_number"]!.GetValue<int>().ShouldBe(2);
        rest["has_more"]!.GetValue<bool>().ShouldBeFalse();

        done["metadata"]!.Text("team").ShouldBe("support");
        done["method"]!.Text("type").ShouldBe("supervised");
        var result = done["result_files"]![0]!.GetValue<string>();
        (await host.Client.GetJsonAsync("/v1/files/" + result)).Text("purpose").ShouldBe("fine-tune-results");
        var lines = (await host.Client.GetStringAsync($"/v1/files/{result}/content", TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldBe("step,train_loss,valid_loss");
        lines.Length.ShouldBe(7);
        lines[6].ShouldBe("6,0.5,");
        (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs"))["data"]!.AsArray().Single()!.Text("id").ShouldBe(id);
    }

    [Fact]
    public async Task A_validation_file_is_what_the_losses_are_measured_on()
    {
        await using var host = await PlatformHost.StartAsync();
        var training = await host.Client.UploadAsync();
        var validation = await host.Client.UploadAsync(PlatformCalls.TwoRows.Split('\n')[0], "validation.jsonl");
        var job = await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = training, validation_file = validation, model = "qianfan-tiny" });
        job.Text("validation_file").ShouldBe(validation);
        var trainer = await host.Workers.NextTrainerAsync();
        var done = await AwaitAsync(host.Client, job.Text("id"), "succeeded", "failed");
        var start = trainer.Job;
        start.Config.ValidationPercent.ShouldBe(0);
        File.ReadLines(start.RowsFile).Count().ShouldBe(2);
        File.ReadLines(start.ValidationRowsFile!).Single().ShouldContain("Poseidonis");

        var events = (await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{job.Text("id")}/events?limit=100"))["data"]!.AsArray();
        events.Where(entry => entry!.Text("type") == "metrics" && entry!["data"]!["valid_loss"] is not null).Select(entry => entry!["data"]!["step"]!.GetValue<int>()).ShouldBe([6, 4, 2]);
        var csv = await host.Client.GetStringAsync($"/v1/files/{done["result_files"]![0]!.GetValue<string>()}/content", TestContext.Current.CancellationToken);
        csv.ShouldContain("\n2,1.5,2\n");
    }

    [Fact]
    public async Task A_validation_file_that_is_not_there_or_has_no_good_rows_leaves_nothing_behind()
    {
        await using var host = await PlatformHost.StartAsync();
        using var other = host.OtherOwner();
        var training = await host.Client.UploadAsync();
        foreach (var validation in new[] { "file-none", await other.UploadAsync(), await host.Client.UploadAsync("rubbish\n") })
            (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = training, validation_file = validation, model = "qianfan-tiny" }))["error"]!.Text("param").ShouldBe("validation_file");
        (await host.Client.V1Async("dataset/list", new { })).Result()["total"]!.GetValue<int>().ShouldBe(0);
        (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs"))["data"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Jobs_and_their_events_are_listed_page_by_page_and_by_metadata()
    {
        await using var host = await PlatformHost.StartAsync();
        var file = await host.Client.UploadAsync();
        var jobs = new List<string>();
        foreach (var metadata in new[] { null, new Dictionary<string, string> { ["team"] = "a" }, new() { ["team"] = "b", ["a"] = "\"team\":\"a\"" } })
            jobs.Add((await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny", metadata })).Text("id"));
        var page = await host.Client.GetJsonAsync("/v1/fine_tuning/jobs?limit=2");
        Ids(page).ShouldBe([jobs[2], jobs[1]]);
        page["has_more"]!.GetValue<bool>().ShouldBeTrue();
        var rest = await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs?limit=2&after={jobs[1]}");
        Ids(rest).ShouldBe([jobs[0]]);
        rest["has_more"]!.GetValue<bool>().ShouldBeFalse();
        Ids(await host.Client.GetJsonAsync("/v1/fine_tuning/jobs?metadata[team]=a")).ShouldBe([jobs[1]]);
        Ids(await host.Client.GetJsonAsync("/v1/fine_tuning/jobs?metadata[team]=c")).ShouldBeEmpty();
        Ids(await host.Client.GetJsonAsync("/v1/fine_tuning/jobs?metadata=null")).ShouldBe([jobs[0]]);

        await AwaitAsync(host.Client, jobs[0], "succeeded");
        var all = Ids(await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{jobs[0]}/events?limit=100"));
        var pages = new List<string>();
        for (var more = true; more;)
        {
            var next = await host.Client.GetJsonAsync($"/v1/fine_tuning/jobs/{jobs[0]}/events?limit=5" + (pages.Count == 0 ? "" : "&after=" + pages[^1]));
            pages.AddRange(Ids(next));
            more = next["has_more"]!.GetValue<bool>();
        }

        pages.ShouldBe(all);
        foreach (var path in new[] { "?after=ftjob-none", $"/{jobs[1]}/events?after={all[0]}", $"/{jobs[0]}/events?after=x", $"/{jobs[0]}/checkpoints?after=x" })
            (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs" + path))["error"]!.Text("param").ShouldBe("after", path);
        return;

        static List<string> Ids(JsonObject list) => [.. list["data"]!.AsArray().Select(entry => entry!.Text("id"))];
    }

    [Fact]
    public async Task A_job_that_runs_tells_when_it_is_expected_to_end()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var id = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = await host.Client.UploadAsync(), model = "qianfan-tiny" })).Text("id");
        var trainer = await host.Workers.NextTrainerAsync();
        (await AwaitAsync(host.Client, id, "running"))["estimated_finish"].ShouldBeNull();
        trainer.Step(2);
        JsonObject job;
        do job = await host.Client.GetJsonAsync("/v1/fine_tuning/jobs/" + id);
        while (job["estimated_finish"] is null);
        job["estimated_finish"]!.GetValue<long>().ShouldBeGreaterThanOrEqualTo(job["created_at"]!.GetValue<long>());
        trainer.Step(4);
        (await AwaitAsync(host.Client, id, "succeeded"))["estimated_finish"].ShouldBeNull();
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

    [Fact]
    public async Task A_job_pauses_resumes_and_is_cancelled_while_it_pauses()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var job = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = await host.Client.UploadAsync(), model = "qianfan-tiny" })).Text("id");
        await AwaitAsync(host.Client, job, "running");
        await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/pause", new { });
        (await AwaitAsync(host.Client, job, "paused", "cancelled")).Text("status").ShouldBe("paused");
        await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/resume", new { });
        await AwaitAsync(host.Client, job, "running");
        await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/pause", new { });
        await AwaitAsync(host.Client, job, "paused");
        (await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/cancel", new { })).Text("status").ShouldBe("cancelled");

        // Clients try a 409 again; this is final.
        using var again = await host.Client.PostAsync($"/v1/fine_tuning/jobs/{job}/cancel", null, TestContext.Current.CancellationToken);
        ((int)again.StatusCode).ShouldBe(400);
        (await PlatformCalls.ReadAsync(again))["error"]!.Text("message").ShouldContain("has ended already");
    }

    [Fact]
    public async Task A_job_of_which_somebody_else_has_taken_the_models_name_is_still_shown()
    {
        await using var host = await PlatformHost.StartAsync();
        var job = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = await host.Client.UploadAsync(), model = "qianfan-tiny" })).Text("id");
        var model = (await AwaitAsync(host.Client, job, "succeeded", "failed")).Text("fine_tuned_model");
        using var other = host.OtherOwner();
        var (theirJob, theirTask) = await other.TaskAsync();
        await other.AwaitTaskAsync(theirTask, "Done");
        var (set, version) = await other.PublishAsync(theirJob, theirTask);
        (await other.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = model })).Result().Text("serviceId").ShouldStartWith("svco-");
        (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs/" + job)).Text("fine_tuned_model").ShouldBe(model);
    }

    [Fact]
    public async Task A_model_is_deleted_by_its_owner_and_a_base_model_by_nobody()
    {
        await using var host = await PlatformHost.StartAsync();
        var job = (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = await host.Client.UploadAsync(), model = "qianfan-tiny" })).Text("id");
        var model = (await AwaitAsync(host.Client, job, "succeeded", "failed")).Text("fine_tuned_model");
        using var other = host.OtherOwner();
        foreach (var (client, name, status) in new[] { (other, model, 404), (host.Client, "qianfan-tiny", 403), (host.Client, "none", 404) })
        {
            using var refused = await client.DeleteAsync("/v1/models/" + name, TestContext.Current.CancellationToken);
            ((int)refused.StatusCode).ShouldBe(status);
        }

        using var deleted = await host.Client.DeleteAsync("/v1/models/" + Uri.EscapeDataString(model), TestContext.Current.CancellationToken);
        (await PlatformCalls.ReadAsync(deleted))["deleted"]!.GetValue<bool>().ShouldBeTrue();
        (await host.Client.GetJsonAsync("/v1/models"))["data"]!.AsArray().Select(entry => entry!.Text("id")).ShouldBe(["qianfan-tiny"]);
        Directory.EnumerateDirectories(Path.Combine(host.Folder, "data", "models")).ShouldBeEmpty();
        (await host.Client.GetJsonAsync("/v1/fine_tuning/jobs/" + job)).Text("status").ShouldBe("succeeded");
    }

    [Fact]
    public async Task Files_are_listed_in_either_order_page_by_page()
    {
        await using var host = await PlatformHost.StartAsync();
        var first = await host.Client.UploadAsync();
        var second = await host.Client.UploadAsync();
        var third = await host.Client.UploadAsync();
        (await ListAsync("?limit=2")).ShouldBe([third, second]);
        (await ListAsync($"?limit=2&after={second}")).ShouldBe([first]);
        (await ListAsync("?order=asc&limit=1")).ShouldBe([first]);
        (await ListAsync($"?order=asc&after={first}")).ShouldBe([second, third]);
        (await ListAsync("?purpose=other")).ShouldBeEmpty();
        foreach (var query in new[] { "?order=up", "?after=file-none" })
            (await host.Client.GetJsonAsync("/v1/files" + query))["error"]!.Text("param").ShouldBe(query[1..].Split('=')[0]);
        return;

        async Task<List<string>> ListAsync(string query) => [.. (await host.Client.GetJsonAsync("/v1/files" + query))["data"]!.AsArray().Select(file => file!.Text("id"))];
    }

    [Theory]
    [InlineData("{\"model\":\"qianfan-tiny\"}", "training_file")]
    [InlineData("{\"model\":7,\"training_file\":\"file-none\"}", "model")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"seed\":\"7\"}", "seed")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"metadata\":{\"a\":1}}", "metadata.a")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"suffix\":\"a b\"}", "suffix")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\"}", "training_file")]
    [InlineData("{\"model\":\"gpt\",\"training_file\":\"file-none\"}", "model")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"hyperparameters\":{\"n_epochs\":\"lots\"}}", "hyperparameters.n_epochs")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"hyperparameters\":{\"n_epochs\":5000}}", "hyperparameters.n_epochs")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"hyperparameters\":{\"learning_rate_multiplier\":5000}}", "hyperparameters.learning_rate_multiplier")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"seed\":-1}", "seed")]
    [InlineData("{\"model\":\"qianfan-tiny\",\"training_file\":\"file-none\",\"method\":{\"type\":\"supervised\",\"supervised\":{\"hyperparameters\":{\"batch_size\":0}}}}", "method.supervised.hyperparameters.batch_size")]
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
