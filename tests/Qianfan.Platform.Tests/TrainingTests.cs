using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Tests.Support;
using Qianfan.Platform.Workers;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>The queue, and what workers may do to a task.</summary>
public sealed class TrainingTests
{
    [Theory]
    [InlineData("LoRA", "{\"epoch\":0}", "hyperParameterConfig.epoch", "between 1 and 200")]
    [InlineData("LoRA", "{\"epoch\":\"many\"}", "hyperParameterConfig.epoch", "whole number")]
    [InlineData("LoRA", "{\"epoch\":1.5}", "hyperParameterConfig.epoch", "whole number")]
    [InlineData("LoRA", "{\"loraRank\":7}", "hyperParameterConfig.loraRank", "one of 8, 16")]
    [InlineData("LoRA", "{\"speed\":1}", "hyperParameterConfig.speed", "is not known")]
    [InlineData("FullFineTuning", "{\"loraRank\":8}", "hyperParameterConfig.loraRank", "is not known")]
    [InlineData("FullFineTuning", "{\"learningRate\":1}", "hyperParameterConfig.learningRate", "between 1E-06 and 0.01")]
    [InlineData("FullFineTuning", "{\"schedulerName\":\"zigzag\"}", "hyperParameterConfig.schedulerName", "cosine")]
    [InlineData("LoRA", "{\"loraTargetModules\":[\"mlp.up_proj\",\"lm_head\"]}", "hyperParameterConfig.loraTargetModules", "some of self_attn.q_proj")]
    [InlineData("LoRA", "{\"loraTargetModules\":[]}", "hyperParameterConfig.loraTargetModules", "some of self_attn.q_proj")]
    [InlineData("LoRA", "{\"loraTargetModules\":\"mlp.up_proj\"}", "hyperParameterConfig.loraTargetModules", "some of self_attn.q_proj")]
    [InlineData("LoRA", "{\"Packing\":\"maybe\"}", "hyperParameterConfig.Packing", "one of False, True")]
    [InlineData("LoRA", "{\"activationCheckpointing\":1}", "hyperParameterConfig.activationCheckpointing", "one of False, True")]
    [InlineData("LoRA", "{\"precision\":\"fp8\"}", "hyperParameterConfig.precision", "one of auto, fp32, bf16")]
    [InlineData("PromptTuning", "{}", "parameterScale", "FullFineTuning or LoRA")]
    public async Task A_value_out_of_its_limits_is_refused_by_name(string scale, string hyperParameters, string field, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        var answer = await CreateAsync(host.Client, dataset, scale, JsonNode.Parse(hyperParameters)!, 20);
        answer.Text("code").ShouldBe("InappropriateJSON");
        answer.Text("message").ShouldContain(field);
        answer.Text("message").ShouldContain(message);
    }

    [Fact]
    public async Task The_split_ratio_is_required_and_a_dataset_must_be_released()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        (await CreateAsync(host.Client, dataset, "LoRA", new JsonObject(), null)).Text("message").ShouldContain("param[splitRatio] invalid");
        (await CreateAsync(host.Client, dataset, "LoRA", new JsonObject(), 80)).Text("message").ShouldContain("param[splitRatio] invalid");
        var empty = (await host.Client.V1Async("dataset/create", new { name = "d" })).Result().Text("datasetId");
        (await CreateAsync(host.Client, empty, "LoRA", new JsonObject(), 20)).Text("message").ShouldContain("has no rows");
        (await host.Client.V2Async("finetuning", "CreateFineTuningJob", new { name = "x", model = "gpt-9", trainMode = "SFT" })).Text("message").ShouldContain("there are: qianfan-tiny");
    }

    [Theory]
    [InlineData("{\"earlyStopPatience\":3}", "hyperParameterConfig.earlyStopPatience")]
    [InlineData("{\"keepBest\":true}", "hyperParameterConfig.keepBest")]
    public async Task What_looks_at_held_out_rows_needs_some(string hyperParameters, string field)
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        (await CreateAsync(host.Client, dataset, "LoRA", JsonNode.Parse(hyperParameters)!, 0)).Text("message").ShouldContain(field);
    }

    [Fact]
    public async Task The_worker_gets_what_only_some_trainings_need()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, task) = await host.Client.TaskAsync(
            "LoRA",
            JsonNode.Parse("""{"loraTargetModules":["self_attn.q_proj","self_attn.v_proj"],"Packing":"True","activationCheckpointing":"True","precision":"bf16","gradientAccumulationSteps":4,"earlyStopPatience":"3","keepBest":true}""")!);
        var trainer = await host.Workers.NextTrainerAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var config = trainer.Job.Config;
        config.LoraTargetModules.ShouldBe(["q_proj", "v_proj"]);
        config.ShouldBe(config with { Packing = true, ActivationCheckpointing = true, Precision = "bf16", GradientAccumulationSteps = 4, EarlyStopPatience = 3, KeepBest = true });

        var (_, plain) = await host.Client.TaskAsync("LoRA", new { epoch = 3 });
        var second = await host.Workers.NextTrainerAsync();
        await host.Client.AwaitTaskAsync(plain, "Done");
        second.Job.Config.ShouldBe(second.Job.Config with { LoraTargetModules = null, Packing = false, ActivationCheckpointing = false, Precision = "auto", GradientAccumulationSteps = 1, EarlyStopPatience = 0, KeepBest = false });
    }

    [Fact]
    public async Task The_worker_gets_final_values()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, task) = await host.Client.TaskAsync("LoRA", new { epoch = "3", learningRate = 0.002, weightDecay = (double?)null });
        var trainer = await host.Workers.NextTrainerAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var config = trainer.Job.Config;
        config.ShouldBe(config with { ParameterScale = "LoRA", Epochs = 3, LearningRate = 0.002, LoraRank = 16, ValidationPercent = 20, WeightDecay = 0.01, MaxSequenceLength = 512 });
        File.ReadLines(trainer.Job.RowsFile).Select(WorkerLine.ReadRow).Select(row => row.Messages[^1].Content).ShouldBe(["Poseidonis.", "您好，有什么可以帮您？"]);
        trainer.Job.BaseModelDirectory.ShouldEndWith(Path.Combine("models", "qianfan-tiny"));
    }

    [Fact]
    public async Task Owners_take_turns_and_positions_are_told()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, TotalSteps = 1 });
        using var other = host.OtherOwner();
        var mine = new List<string>();
        for (var i = 0; i < 3; i++) mine.Add((await host.Client.TaskAsync()).Task);
        var first = await host.Workers.NextTrainerAsync();
        await host.Client.AwaitTaskAsync(mine[0], "Running");
        var theirs = (await other.TaskAsync()).Task;
        // Mine runs, so theirs is next, although two of mine came before.
        (await PositionAsync(other, theirs)).ShouldBe(1);
        (await PositionAsync(host.Client, mine[1])).ShouldBe(2);
        (await PositionAsync(host.Client, mine[2])).ShouldBe(3);

        first.Step();
        await host.Client.AwaitTaskAsync(mine[0], "Done");
        (await host.Workers.NextTrainerAsync()).Step();
        await other.AwaitTaskAsync(theirs, "Done");
        foreach (var task in mine[1..])
        {
            (await host.Workers.NextTrainerAsync()).Step();
            await host.Client.AwaitTaskAsync(task, "Done");
        }

        var positions = (await host.Client.EventsAsync(mine[2])).Where(entry => entry.Kind == "status").Select(entry => (int?)entry.Data["queuePosition"]).ToList();
        positions.ShouldContain(2);
        positions[^1].ShouldBeNull();
    }

    [Fact]
    public async Task A_priority_orders_an_owners_own_tasks_and_nobody_elses()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, TotalSteps = 4 });
        using var other = host.OtherOwner();
        var dataset = await host.Client.DatasetAsync();
        var running = (await host.Client.TaskAsync(dataset: dataset)).Task;
        var trainer = await host.Workers.NextTrainerAsync();
        await host.Client.AwaitTaskAsync(running, "Running");
        var first = (await host.Client.TaskAsync(dataset: dataset)).Task;
        var second = (await host.Client.TaskAsync(dataset: dataset)).Task;
        var theirs = (await other.TaskAsync()).Task;
        (await host.Client.V2Async("finetuning", "SetFineTuningTaskPriority", new { taskId = second, priority = "high" })).Result<bool>().ShouldBeTrue();
        (await PositionAsync(other, theirs)).ShouldBe(1);
        (await PositionAsync(host.Client, second)).ShouldBe(2);
        (await PositionAsync(host.Client, first)).ShouldBe(3);
        (await host.Client.DescribeTaskAsync(second)).Text("priority").ShouldBe("high");
        (await host.Client.DescribeTaskAsync(first)).Text("priority").ShouldBe("normal");

        (await host.Client.V2Async("finetuning", "SetFineTuningTaskPriority", new { taskId = second, priority = "urgent" })).Text("message").ShouldContain("priority");
        (await host.Client.V2Async("finetuning", "SetFineTuningTaskPriority", new { taskId = running, priority = "low" })).Text("code").ShouldBe("OperationConflict");

        // Once the running task has a pace, those that wait are told when it will be their turn.
        trainer.Step(2);
        JsonObject task;
        do task = await host.Client.DescribeTaskAsync(running);
        while (task["expectedFinishDate"] is null);
        task["expectedStartDate"].ShouldBeNull();
        foreach (var waiting in new[] { first, second })
            (await host.Client.DescribeTaskAsync(waiting)).Text("expectedStartDate").ShouldEndWith("Z");
        (await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = first })).Result<bool>().ShouldBeTrue();
        (await host.Client.EventsAsync(first)).Last(entry => entry.Kind == "status").Data["expectedStart"].ShouldBeNull();
    }

    [Fact]
    public async Task A_task_is_made_with_a_priority()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var dataset = await host.Client.DatasetAsync();
        foreach (var (priority, named) in new[] { ("low", "low"), ("high", "high"), (null, "normal") })
        {
            var made = await CreateTaskAsync(host.Client, Body(priority));
            (await host.Client.DescribeTaskAsync(made.Result().Text("taskId"))).Text("priority").ShouldBe(named);
        }

        (await CreateTaskAsync(host.Client, Body("first"))).Text("message").ShouldContain("priority");
        return;

        JsonObject Body(string? priority) => new()
        {
            ["parameterScale"] = "LoRA",
            ["hyperParameterConfig"] = new JsonObject(),
            ["datasetConfig"] = new JsonObject { ["sourceType"] = "Platform", ["versions"] = new JsonArray(new JsonObject { ["versionId"] = dataset }), ["splitRatio"] = 0 },
            ["priority"] = priority,
        };
    }

    [Fact]
    public async Task A_waiting_task_is_stopped_at_once_and_resumed()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, TotalSteps = 1 });
        var (_, running) = await host.Client.TaskAsync();
        var trainer = await host.Workers.NextTrainerAsync();
        var (_, waiting) = await host.Client.TaskAsync();
        (await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = waiting })).Result<bool>().ShouldBeTrue();
        (await host.Client.DescribeTaskAsync(waiting)).Text("runStatus").ShouldBe("Stopped");
        (await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = waiting })).Result<bool>().ShouldBeFalse();
        trainer.Step();
        await host.Client.AwaitTaskAsync(running, "Done");
        (await host.Client.V2Async("finetuning", "ResumeFineTuningTask", new { taskId = waiting })).Result<bool>().ShouldBeTrue();
        (await host.Workers.NextTrainerAsync()).Step();
        await host.Client.AwaitTaskAsync(waiting, "Done");
        (await host.Client.V2Async("finetuning", "ResumeFineTuningTask", new { taskId = waiting })).Text("code").ShouldBe("OperationConflict");
    }

    [Fact]
    public async Task A_running_task_stops_after_a_checkpoint_and_resumes_to_the_end()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var (job, task) = await host.Client.TaskAsync();
        var first = await host.Workers.NextTrainerAsync();
        first.Step(3);
        await AwaitEventAsync(host.Client, task, "metric", 3);
        (await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = task })).Result<bool>().ShouldBeTrue();
        // Resuming at once waits for the stop.
        (await host.Client.V2Async("finetuning", "ResumeFineTuningTask", new { taskId = task })).Result<bool>().ShouldBeTrue();
        (await first.Exited).Code.ShouldBe(0);
        var second = await host.Workers.NextTrainerAsync();
        second.Step(3);
        var done = await host.Client.AwaitTaskAsync(task, "Done", "Failed");
        done.Text("runStatus").ShouldBe("Done");
        done["checkpointList"]!.AsArray().Select(checkpoint => checkpoint!["step"]!.GetValue<int>()).ShouldBe([2, 3, 4, 6]);
        var events = await host.Client.EventsAsync(task);
        events.Where(entry => entry.Kind == "started").Select(entry => entry.Data["fromStep"]!.GetValue<int>()).ShouldBe([0, 3]);
        (await host.Client.V2Async("finetuning", "DeleteFineTuningJob", new { jobId = job })).Result<bool>().ShouldBeTrue();
        Directory.EnumerateDirectories(Path.Combine(host.Folder, "data", "tasks")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_task_stopped_before_its_worker_began_is_stopped_all_the_same()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, SaysHello = false });
        var (_, task) = await host.Client.TaskAsync();
        var trainer = await host.Workers.NextTrainerAsync();
        (await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = task })).Result<bool>().ShouldBeTrue();
        await host.Client.AwaitTaskAsync(task, "Stopped");
        trainer.Received.ShouldBeEmpty();
        trainer.WasKilled.ShouldBeTrue();
    }

    [Fact]
    public async Task A_worker_that_does_not_stop_is_killed()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var (_, task) = await host.Client.TaskAsync();
        var trainer = await host.Workers.NextTrainerAsync();
        trainer.Deaf = true;
        trainer.Step();
        await AwaitEventAsync(host.Client, task, "metric", 1);
        (await host.Client.V2Async("finetuning", "DeleteFineTuningTask", new { taskId = task })).Text("code").ShouldBe("OperationConflict");
        await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = task });
        await host.Client.AwaitTaskAsync(task, "Stopped");
        trainer.WasKilled.ShouldBeTrue();
        (await host.Client.V2Async("finetuning", "DeleteFineTuningTask", new { taskId = task })).Result<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task A_worker_that_dies_is_followed_by_another_from_the_last_checkpoint()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var (_, task) = await host.Client.TaskAsync();
        var first = await host.Workers.NextTrainerAsync();
        first.Step(3);
        await AwaitEventAsync(host.Client, task, "metric", 3);
        first.Die();
        var second = await host.Workers.NextTrainerAsync();
        second.Step(4);
        await host.Client.AwaitTaskAsync(task, "Done");
        var events = await host.Client.EventsAsync(task);
        events.Where(entry => entry.Kind == "started").Select(entry => entry.Data["fromStep"]!.GetValue<int>()).ShouldBe([0, 2]);
        events.Single(entry => entry.Kind == "log" && entry.Data.Text("level") == "warning").Data.Text("message").ShouldContain("signal 9");
        // Both lines can be told in another language: a code, and what stands in the message.
        var lines = events.Where(entry => entry.Kind == "log").Select(entry => entry.Data).ToList();
        lines.Select(line => line.Text("code")).ShouldBe([TaskLogCodes.Restarted, TaskLogCodes.Done]);
        lines.Select(line => line["values"]!.AsArray().Count).ShouldBe([3, 3]);
        lines.ShouldAllBe(line => line["values"]!.AsArray().All(value => line.Text("message").Contains((string)value!, StringComparison.Ordinal)));
        Enumerable.Range(1, events.Count).Select(i => (long)i).ShouldBe(events.Select(entry => entry.Id));
    }

    [Fact]
    public async Task A_task_whose_workers_keep_dying_fails_with_their_last_words()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false }, configure: options => options.TrainingRetries = 2);
        var (_, task) = await host.Client.TaskAsync();
        for (var i = 0; i < 3; i++) (await host.Workers.NextTrainerAsync()).Die(1, "out of memory");
        var failed = await host.Client.AwaitTaskAsync(task, "Failed");
        failed.Text("message").ShouldContain("out of memory");
        // And it can be resumed.
        (await host.Client.V2Async("finetuning", "ResumeFineTuningTask", new { taskId = task })).Result<bool>().ShouldBeTrue();
        (await host.Workers.NextTrainerAsync()).Step(6);
        (await host.Client.AwaitTaskAsync(task, "Done"))["message"].ShouldBeNull();
    }

    [Fact]
    public async Task An_engine_that_is_missing_or_of_another_protocol_fails_the_task_with_a_reason()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { LaunchFault = new WorkerException("There is no engine at /nowhere") });
        var (_, task) = await host.Client.TaskAsync();
        (await host.Client.AwaitTaskAsync(task, "Failed")).Text("message").ShouldContain("no engine");
    }

    [Fact]
    public async Task A_host_that_shuts_down_leaves_its_task_to_go_on_at_the_next_start()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        string task;
        await using (var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false }, folder, keepsFolder: true))
        {
            task = (await host.Client.TaskAsync()).Task;
            var trainer = await host.Workers.NextTrainerAsync();
            trainer.Step(3);
            await AwaitEventAsync(host.Client, task, "metric", 3);
            await host.StopAsync();
            trainer.Received.OfType<Shutdown>().ShouldHaveSingleItem();
            (await trainer.Exited).Code.ShouldBe(0);
        }

        await using var next = await PlatformHost.StartAsync(folder: folder);
        await next.Client.AwaitTaskAsync(task, "Done");
        var events = await next.Client.EventsAsync(task);
        events.Where(entry => entry.Kind == "started").Select(entry => entry.Data["fromStep"]!.GetValue<int>()).ShouldBe([0, 3]);
        events.ShouldContain(entry => entry.Kind == "log" && entry.Data.Text("message").Contains("Interrupted", StringComparison.Ordinal) && entry.Data.Text("code") == TaskLogCodes.Interrupted);
        events.Select(entry => entry.Id).ShouldBe(Enumerable.Range(1, events.Count).Select(i => (long)i));
    }

    [Fact]
    public async Task After_a_kill_of_the_host_its_task_goes_on_from_the_last_checkpoint()
    {
        var copy = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        string task;
        await using (var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false }))
        {
            task = (await host.Client.TaskAsync()).Task;
            (await host.Workers.NextTrainerAsync()).Step(3);
            await AwaitEventAsync(host.Client, task, "metric", 3);
            // What a killed process leaves is what lies on disk at this moment. The reader keeps SQLite from taking its log away meanwhile.
            await using var reader = await host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
            await reader.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
            await reader.Database.ExecuteSqlRawAsync("SELECT count(*) FROM sqlite_master", TestContext.Current.CancellationToken);
            foreach (var file in Directory.EnumerateFiles(host.Folder, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(copy, Path.GetRelativePath(host.Folder, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }

            await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = task });
        }

        await using var next = await PlatformHost.StartAsync(folder: copy);
        await next.Client.AwaitTaskAsync(task, "Done");
        var events = await next.Client.EventsAsync(task);
        events.Where(entry => entry.Kind == "started").Select(entry => entry.Data["fromStep"]!.GetValue<int>()).ShouldBe([0, 2]);
        events.Select(entry => entry.Id).ShouldBe(Enumerable.Range(1, events.Count).Select(i => (long)i));
    }

    [Fact]
    public async Task Many_writers_leave_no_gap_and_no_duplicate()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false });
        var (_, task) = await host.Client.TaskAsync();
        await host.Workers.NextTrainerAsync();
        await AwaitEventAsync(host.Client, task, "started", 1);
        var store = host.Services.GetRequiredService<TaskStore>();
        await using var context = await host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var row = await context.Tasks.AsNoTracking().SingleAsync(TestContext.Current.CancellationToken);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
                (await store.ChangeAsync(row.Id, _ => [TaskEvent.Log("info", $"{writer}-{i}"), TaskEvent.Log("info", "x")], TestContext.Current.CancellationToken)).ShouldNotBeNull();
        })));
        var stored = await context.TaskEvents.AsNoTracking().OrderBy(entry => entry.Sequence).Select(entry => entry.Sequence).ToListAsync(TestContext.Current.CancellationToken);
        stored.ShouldBe(Enumerable.Range(1, (int)row.LastSequence + 160).Select(i => (long)i));
    }

    [Fact]
    public async Task Lists_are_paged_and_jobs_found_by_name()
    {
        await using var host = await PlatformHost.StartAsync();
        var jobs = new List<string>();
        for (var i = 0; i < 5; i++) jobs.Add((await host.Client.V2Async("finetuning", "CreateFineTuningJob", new { name = $"job {i}", model = "qianfan-tiny", trainMode = "SFT" })).Result().Text("jobId"));
        var page = (await host.Client.V2Async("finetuning", "DescribeFineTuningJobs", new { maxKeys = 2 })).Result();
        page["jobList"]!.AsArray().Select(job => job!.Text("jobId")).ShouldBe([jobs[4], jobs[3]]);
        page["pageInfo"]!["isTruncated"]!.GetValue<bool>().ShouldBeTrue();
        var next = (await host.Client.V2Async("finetuning", "DescribeFineTuningJobs", new { maxKeys = 3, marker = page["pageInfo"]!.Text("nextMarker") })).Result();
        next["jobList"]!.AsArray().Select(job => job!.Text("jobId")).ShouldBe([jobs[2], jobs[1], jobs[0]]);
        next["pageInfo"]!["isTruncated"]!.GetValue<bool>().ShouldBeFalse();
        var named = (await host.Client.V2Async("finetuning", "DescribeFineTuningJobs", new { name = "job 3" })).Result();
        named["jobList"]!.AsArray().Single()!.Text("jobId").ShouldBe(jobs[3]);
    }

    private static async Task<int?> PositionAsync(HttpClient client, string task) => (int?)(await client.DescribeTaskAsync(task))["queuePosition"];

    /// <summary>Waits until a task has had some events of a kind.</summary>
    private static async Task AwaitEventAsync(HttpClient client, string task, string kind, int count)
    {
        using var response = await client.GetAsync($"/v2/finetuning/tasks/{task}/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (count > 0 && await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line == "event: " + kind) count--;
        }

        count.ShouldBe(0);
    }

    private static Task<JsonObject> CreateAsync(HttpClient client, string dataset, string scale, JsonNode hyperParameters, int? split) => CreateTaskAsync(client, new JsonObject
    {
        ["parameterScale"] = scale,
        ["hyperParameterConfig"] = hyperParameters,
        ["datasetConfig"] = new JsonObject { ["sourceType"] = "Platform", ["versions"] = new JsonArray(new JsonObject { ["versionId"] = dataset }), ["splitRatio"] = split },
    });

    private static async Task<JsonObject> CreateTaskAsync(HttpClient client, JsonObject body)
    {
        body["jobId"] = (await client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model = "qianfan-tiny", trainMode = "SFT" })).Result().Text("jobId");
        return await client.V2Async("finetuning", "CreateFineTuningTask", body);
    }
}
