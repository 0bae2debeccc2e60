using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

public sealed class TrainerTests
{
    private readonly ScriptedPlatform _platform = new();
    private readonly EventStore _store = new();

    [Fact]
    public async Task A_successful_run_gives_Preceding_Running_and_Done_of_all_four_actions_in_order()
    {
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        trainer.Status.ShouldBe("Unknown");

        await trainer.RunAsync(cancellationToken: Given.Token);

        WithoutRepeats(_store.Names).ShouldBe(
        [
            "Pipeline.Preceding",
            "Pipeline.Running", "LoadDataSet.Preceding", "LoadDataSet.Done",
            "Pipeline.Running", "Train.Preceding", "Train.Running", "Train.Done",
            "Pipeline.Running", "ModelPublish.Preceding", "ModelPublish.Running", "ModelPublish.Done",
            "Pipeline.Running", "Deploy.Preceding", "Deploy.Running", "Deploy.Done",
            "Pipeline.Done",
        ]);
        trainer.Status.ShouldBe("Deployed");
        var output = trainer.Output.ShouldNotBeNull();
        output["task_id"]!.GetValue<string>().ShouldBe("task-1");
        output["model_id"]!.GetValue<string>().ShouldBe("amv-1");
        output["service_endpoint"]!.GetValue<string>().ShouldBe("ep_svco-1");
        output["datasets"]!["versions"]![0]!["versionId"]!.GetValue<string>().ShouldBe("ds-1");
        trainer.Result.Single().Output.ShouldNotBeNull();
    }

    [Fact]
    public async Task The_status_moves_with_the_actions()
    {
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        var statuses = new List<string>();
        _store.After = _ =>
        {
            statuses.Add(trainer.Status);
            return Task.CompletedTask;
        };

        await trainer.RunAsync(cancellationToken: Given.Token);

        WithoutRepeats(statuses).ShouldBe(
        [
            "Unknown", "DatasetLoading", "DatasetLoaded", "Created", "Training", "TrainFinished", "ModelPublishing", "ModelPublished", "Created", "Deploying", "Deployed",
        ]);
    }

    [Fact]
    public async Task Events_of_the_task_reach_the_handler_once_each_with_the_cursor_that_is_dumped()
    {
        _platform.BreakStreamAfter = 3;
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        var cursors = new List<(long Told, long Dumped)>();
        _store.Dump = trainer.Dumps;
        _store.After = e =>
        {
            if (e.Data?["cursor"] is { } cursor)
            {
                cursors.Add((cursor.GetValue<long>(), Train(_store.LastState!)["cursor"]!.GetValue<long>()));
            }

            return Task.CompletedTask;
        };

        await trainer.RunAsync(cancellationToken: Given.Token);

        _store.Sequences.ShouldBe(Enumerable.Range(1, _platform.Tasks["task-1"].Log.Count).Select(i => (long)i));
        cursors.ShouldNotBeEmpty();
        cursors.ShouldAllBe(c => c.Told == c.Dumped);
        _platform.Count("events").ShouldBe(2);
    }

    [Fact]
    public async Task A_failed_training_raises_after_its_error_events_and_is_never_published()
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "Failed");
        var trainer = Given.Finetune(Given.Client(_platform), _store);

        var error = await Should.ThrowAsync<InternalErrorException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        error.Message.ShouldContain("[train_action]training job job-1/task-1 has ended with status: Failed");
        _store.Names.TakeLast(2).ShouldBe(["Train.Error", "Pipeline.Error"]);
        _store.Events[^1].Data!["error"]!.GetValue<string>().ShouldBe(error.Message);
        trainer.Status.ShouldBe("TrainFailed");
        trainer.Result.Single().Error.ShouldBe(error);
        _platform.Count("publishTrainModel").ShouldBe(0);
    }

    [Fact]
    public async Task A_stop_stops_the_remote_task_and_ends_in_Stopped_without_Done()
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "");
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        StopAtFirstMetric(trainer);

        await Should.ThrowAsync<ActionStoppedException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        _platform.Count("StopFineTuningTask").ShouldBe(1);
        _store.Names.TakeLast(2).ShouldBe(["Train.Stopped", "Pipeline.Stopped"]);
        _store.Names.ShouldNotContain("Train.Done");
        _store.Events[^1].Data.ShouldBeNull();
        trainer.Status.ShouldBe("TrainStopped");
    }

    [Theory]
    [InlineData("Stopped")]
    [InlineData("Failed")]
    public async Task A_stopped_or_failed_run_resumes_to_the_end_on_another_machine(string end)
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, from == 0 ? 2 : 4, from == 0 ? end : "Done");
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        await Should.ThrowAsync<QianfanException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        var again = LlmFinetune.Loads(trainer.Dumps(), Given.Client(_platform), _store);
        await again.ResumeAsync(Given.Token);

        _platform.Count("ResumeFineTuningTask").ShouldBe(1);
        _platform.Tasks.Count.ShouldBe(1);
        _platform.Jobs.Count.ShouldBe(1);
        _store.Sequences.ShouldBe(Enumerable.Range(1, _platform.Tasks["task-1"].Log.Count).Select(i => (long)i));
        again.Status.ShouldBe("Deployed");
        _store.Names[^1].ShouldBe("Pipeline.Done");
    }

    [Fact]
    public async Task A_cancelled_token_interrupts_without_a_word_and_leaves_the_task_running()
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "");
        using var shutdown = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        _store.Dump = trainer.Dumps;
        _store.After = e => e.Data?["events"] is JsonArray events && events.Any(x => x!["kind"]!.GetValue<string>() == "metric") ? shutdown.CancelAsync() : Task.CompletedTask;

        await Should.ThrowAsync<OperationCanceledException>(() => trainer.RunAsync(cancellationToken: shutdown.Token));

        _platform.Count("StopFineTuningTask").ShouldBe(0);
        _store.Names[^1].ShouldBe("Train.Running");

        var log = _platform.Tasks["task-1"].Log;
        log.Add("metric", new JsonObject { ["step"] = 3 });
        log.AddStatus("Done", "100%");
        var again = LlmFinetune.Loads(_store.LastState!, Given.Client(_platform), _store);
        await again.ResumeAsync(Given.Token);

        _store.Sequences.ShouldBe(Enumerable.Range(1, log.Count).Select(i => (long)i));
        _platform.Count("ResumeFineTuningTask").ShouldBe(0);
        _platform.Count("CreateFineTuningTask").ShouldBe(1);
        again.Status.ShouldBe("Deployed");
    }

    [Fact]
    public async Task An_interrupted_run_whose_task_failed_meanwhile_tells_of_the_failure_when_it_goes_on()
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "");
        using var shutdown = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        _store.Dump = trainer.Dumps;
        _store.After = e => e.Data?["events"] is not null ? shutdown.CancelAsync() : Task.CompletedTask;
        await Should.ThrowAsync<OperationCanceledException>(() => trainer.RunAsync(cancellationToken: shutdown.Token));

        _platform.Tasks["task-1"].Log.AddStatus("Failed");
        var again = LlmFinetune.Loads(_store.LastState!, Given.Client(_platform), _store);
        await Should.ThrowAsync<InternalErrorException>(() => again.ResumeAsync(Given.Token));

        _platform.Count("ResumeFineTuningTask").ShouldBe(0);
        _store.Names.TakeLast(2).ShouldBe(["Train.Error", "Pipeline.Error"]);
    }

    [Fact]
    public async Task An_interrupted_run_can_be_stopped_without_executing_it()
    {
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "");
        using var shutdown = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        _store.Dump = trainer.Dumps;
        _store.After = e => e.Data?["events"] is not null ? shutdown.CancelAsync() : Task.CompletedTask;
        await Should.ThrowAsync<OperationCanceledException>(() => trainer.RunAsync(cancellationToken: shutdown.Token));

        var again = LlmFinetune.Loads(_store.LastState!, Given.Client(_platform), _store);
        await again.StopAsync(Given.Token);

        _platform.Tasks["task-1"].Log.Status.ShouldBe("Stopped");
        _store.Names.TakeLast(2).ShouldBe(["Train.Stopped", "Pipeline.Stopped"]);
    }

    public static TheoryData<string, bool> Creates
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var call in new[] { "CreateFineTuningJob", "CreateFineTuningTask", "publishTrainModel", "CreateService" })
            {
                data.Add(call, false);
                data.Add(call, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Creates))]
    public async Task A_crash_around_a_remote_creation_creates_nothing_twice(string call, bool after)
    {
        using var crash = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var hook = Crash(call, crash);
        (_platform.Before, _platform.After) = after ? (_platform.Before, hook) : (hook, _platform.After);
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        _store.Dump = trainer.Dumps;
        await Should.ThrowAsync<OperationCanceledException>(() => trainer.RunAsync(cancellationToken: crash.Token));

        (_platform.Before, _platform.After) = (_ => Task.CompletedTask, _ => Task.CompletedTask);
        var again = LlmFinetune.Loads(_store.LastState!, Given.Client(_platform), _store);
        await again.ResumeAsync(Given.Token);

        _platform.Jobs.Count.ShouldBe(1);
        _platform.Tasks.Count.ShouldBe(1);
        _platform.ModelSets.Count.ShouldBe(1);
        _platform.Services.Count.ShouldBe(1);
        _store.Sequences.ShouldBe(Enumerable.Range(1, _platform.Tasks["task-1"].Log.Count).Select(i => (long)i));
        again.Status.ShouldBe("Deployed");
        _platform.Jobs[0].Name.ShouldStartWith("my_job_");
        _platform.ModelSets[0].Name.ShouldStartWith("my_model_");
        _platform.Services[0].Name.ShouldStartWith("我的_service_");
    }

    [Theory]
    [MemberData(nameof(Creates))]
    public async Task An_answer_that_got_lost_creates_nothing_twice(string call, bool after)
    {
        var once = true;
        Func<string, Task> hook = name =>
        {
            if (name == call && once)
            {
                once = false;
                throw new IOException("The connection was reset.");
            }

            return Task.CompletedTask;
        };
        (_platform.Before, _platform.After) = after ? (_platform.Before, hook) : (hook, _platform.After);

        await Given.Finetune(Given.Client(_platform), _store).RunAsync(cancellationToken: Given.Token);

        once.ShouldBeFalse();
        new[] { _platform.Jobs.Count, _platform.Tasks.Count, _platform.ModelSets.Count, _platform.Services.Count }.ShouldBe([1, 1, 1, 1]);
        _platform.Count(call).ShouldBe(after ? 1 : 2);
    }

    [Fact]
    public async Task A_run_taken_back_after_any_event_goes_on_to_the_same_end()
    {
        var reference = Given.Finetune(Given.Client(_platform), _store);
        await reference.RunAsync(cancellationToken: Given.Token);
        var total = _store.Events.Count;
        for (var crashAfter = 1; crashAfter <= total; crashAfter++)
        {
            var platform = new ScriptedPlatform();
            var store = new EventStore();
            using var crash = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
            var trainer = Given.Finetune(Given.Client(platform), store);
            store.Dump = trainer.Dumps;
            var limit = crashAfter;
            store.Before = _ =>
            {
                if (store.Events.Count == limit)
                {
                    crash.Cancel();
                    crash.Token.ThrowIfCancellationRequested();
                }
            };
            await Record.ExceptionAsync(() => trainer.RunAsync(cancellationToken: crash.Token));
            store.Before = _ => { };

            var again = LlmFinetune.Loads(store.LastState!, Given.Client(platform), store);
            store.Dump = again.Dumps;
            await again.ResumeAsync(Given.Token);

            again.Output!.ToJsonString().ShouldBe(reference.Output!.ToJsonString(), $"after event {crashAfter}");
            store.Sequences.ShouldBe(_store.Sequences, $"after event {crashAfter}");
            new[] { platform.Jobs.Count, platform.Tasks.Count, platform.ModelSets.Count, platform.Services.Count }.ShouldBe([1, 1, 1, 1]);
            store.Names.Count(n => n == "Pipeline.Done").ShouldBe(1);
            store.Names.Count(n => n == "Train.Preceding").ShouldBe(1, $"after event {crashAfter}");
        }
    }

    [Fact]
    public async Task A_handler_that_fails_interrupts_and_no_error_is_told()
    {
        var trainer = Given.Finetune(Given.Client(_platform), _store);
        _store.Before = e =>
        {
            if (e is { ActionClass: "TrainAction", ActionState: ActionState.Running })
            {
                throw new IOException("The disk is full.");
            }
        };

        var error = await Should.ThrowAsync<EventHandlerException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        error.InnerException.ShouldBeOfType<IOException>();
        _store.Names.ShouldNotContain("Train.Error");
    }

    [Fact]
    public async Task A_config_outside_the_limits_is_refused_before_anything_is_created()
    {
        var trainer = Given.Finetune(Given.Client(_platform), _store, config: new TrainConfig { Epoch = 99, MaxSeqLen = 5 });

        var error = await Should.ThrowAsync<InvalidArgumentException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        error.Message.ShouldContain("epoch is 99; qianfan-tiny with FullFineTuning takes 1 to 50.");
        error.Message.ShouldContain("maxSeqLen is 5;");
        _platform.Jobs.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_base_model_that_the_platform_does_not_offer_is_refused_with_what_it_offers()
    {
        var action = new TrainAction(Given.Client(_platform), "gpt-99");
        var input = JsonNode.Parse("""{"datasets":{"versions":[{"versionId":"ds-1"}]}}""")!.AsObject();

        var error = await Should.ThrowAsync<InvalidArgumentException>(() => action.ExecAsync(input, Given.Token));

        error.Message.ShouldContain("ERNIE-Speed-8K, qianfan-tiny");
    }

    [Fact]
    public async Task The_cloud_is_polled_and_each_answer_is_the_data_of_an_event()
    {
        foreach (var status in new[] { "", "Waiting", "Running", "Running", "Done" })
        {
            _platform.Polls.Enqueue(new JsonObject { ["runStatus"] = status, ["runProgress"] = "40%" });
        }

        var trainer = Given.Finetune(Given.Client(_platform, ours: false), _store);
        await trainer.RunAsync(cancellationToken: Given.Token);

        _store.Events.Where(e => e.Data?["result"] is not null).Select(e => e.Data!["result"]!["runStatus"]!.GetValue<string>()).ShouldBe(["", "Waiting", "Running", "Running", "Done"]);
        _platform.Count("events").ShouldBe(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_outage_is_waited_through(bool ours)
    {
        var failures = new Dictionary<string, int>();
        _platform.Before = name =>
        {
            var looks = name is "DescribeFineTuningTask" or "modelVersionDetail" or "DescribeService" or "info" or "events";
            var count = failures[name] = failures.GetValueOrDefault(name) + 1;
            return looks && count <= 10 ? throw new HttpRequestException(HttpRequestError.ConnectionError) : Task.CompletedTask;
        };
        var client = new QianfanClient(Given.Options(ours) with { OutagePatience = TimeSpan.FromMinutes(10) }, new HttpClient(_platform));

        var trainer = Given.Finetune(client, _store);
        await trainer.RunAsync(cancellationToken: Given.Token);

        trainer.Status.ShouldBe("Deployed");
        failures.Values.Count(c => c > 10).ShouldBe(ours ? 5 : 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_platform_that_stays_away_fails_the_run_which_can_be_resumed(bool ours)
    {
        _platform.Before = name => name is "DescribeFineTuningTask" or "events" ? throw new HttpRequestException(HttpRequestError.ConnectionError) : Task.CompletedTask;
        var trainer = Given.Finetune(Given.Client(_platform, ours), _store);
        await Should.ThrowAsync<QianfanRequestException>(() => trainer.RunAsync(cancellationToken: Given.Token));
        trainer.Status.ShouldBe("TrainFailed");

        _platform.Before = _ => Task.CompletedTask;
        await trainer.ResumeAsync(Given.Token);

        trainer.Status.ShouldBe("Deployed");
        _platform.Tasks.Count.ShouldBe(1);
    }

    [Fact]
    public async Task On_the_cloud_a_stopped_task_goes_on_as_an_incremental_one_from_its_last_checkpoint()
    {
        _platform.OnTrain = (log, _) => log.AddStatus(_platform.Tasks.Count > 1 ? "Done" : "Stopped");
        _platform.Checkpoints = [new JsonObject { ["step"] = 10 }, new JsonObject { ["step"] = 20 }];
        var trainer = Given.Finetune(Given.Client(_platform, ours: false), _store);
        await Should.ThrowAsync<ActionStoppedException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        await LlmFinetune.Loads(trainer.Dumps(), Given.Client(_platform, ours: false), _store).ResumeAsync(Given.Token);

        var second = _platform.Requests.Last(r => r.Name == "CreateFineTuningTask").Body!;
        second["incrementTaskId"]!.GetValue<string>().ShouldBe("task-1");
        second["incrementCheckpointStep"]!.GetValue<int>().ShouldBe(20);
        _platform.Jobs.Count.ShouldBe(1);
    }

    [Fact]
    public async Task On_the_cloud_a_stopped_task_without_a_checkpoint_is_refused_clearly()
    {
        _platform.OnTrain = (log, _) => log.AddStatus("Stopped");
        var trainer = Given.Finetune(Given.Client(_platform, ours: false), _store);
        await Should.ThrowAsync<ActionStoppedException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        var error = await Should.ThrowAsync<InvalidArgumentException>(() => trainer.ResumeAsync(Given.Token));

        error.Message.ShouldContain("Start a new run");
    }

    [Fact]
    public async Task A_model_that_could_not_be_published_is_not_deployed()
    {
        _platform.ModelFails = true;
        var trainer = Given.Finetune(Given.Client(_platform), _store);

        await Should.ThrowAsync<InternalErrorException>(() => trainer.RunAsync(cancellationToken: Given.Token));

        trainer.Status.ShouldBe("ModelPublishFailed");
        _platform.Services.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_local_file_is_uploaded_imported_and_trained_on()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "rows.jsonl");
        await File.WriteAllTextAsync(file, "{\"prompt\":\"你好\",\"response\":\"您好\"}\n", Given.Token);
        var dataset = Dataset.FromFile(file);
        var client = Given.Client(_platform);

        (await dataset.SaveAsync(client, Given.Token)).ShouldBe("ds-1");

        _platform.Uploads.Single().ShouldContain("你好");
        _platform.Datasets.Single().ShouldStartWith("rows_");
        _platform.Requests.Single(r => r.Name == "import").Body!["files"]![0]!.GetValue<string>().ShouldBe("file-1");
        dataset.Id.ShouldBe("ds-1");
    }

    [Theory]
    [InlineData("create", false)]
    [InlineData("create", true)]
    [InlineData("import", true)]
    public async Task A_crash_while_a_local_file_is_loaded_creates_no_second_dataset(string call, bool after)
    {
        var file = Path.Combine(AppContext.BaseDirectory, $"crash-{call}-{after}.jsonl");
        await File.WriteAllTextAsync(file, "{\"prompt\":\"a\",\"response\":\"b\"}\n", Given.Token);
        using var crash = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var hook = Crash(call, crash);
        (_platform.Before, _platform.After) = after ? (_platform.Before, hook) : (hook, _platform.After);
        var client = Given.Client(_platform);
        var pipeline = new Pipeline([new LoadDataSetAction(client, Dataset.FromFile(file), id: "load")], null, _store, "p");
        _store.Dump = pipeline.Dumps;
        await Should.ThrowAsync<OperationCanceledException>(() => pipeline.ExecAsync(null, crash.Token));

        (_platform.Before, _platform.After) = (_ => Task.CompletedTask, _ => Task.CompletedTask);
        var output = await Pipeline.Loads(_store.LastState!, client, _store).ResumeAsync(Given.Token);

        output["datasets"]!["versions"]![0]!["versionId"]!.GetValue<string>().ShouldBe("ds-1");
        _platform.Datasets.Count.ShouldBe(1);
        _platform.Uploads.Count.ShouldBe(1);
        _platform.Count("import").ShouldBe(1);
    }

    [Fact]
    public async Task A_local_file_with_a_bad_row_is_refused_before_anything_is_sent()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "bad.jsonl");
        await File.WriteAllTextAsync(file, "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\"a\"}\n", Given.Token);

        var error = await Should.ThrowAsync<InvalidArgumentException>(() => Dataset.FromFile(file).SaveAsync(Given.Client(_platform), Given.Token));

        error.Message.ShouldContain("line 2");
        _platform.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Start_and_Wait_run_in_the_background_and_raise_what_went_wrong()
    {
        await Given.Finetune(Given.Client(_platform)).Start(cancellationToken: Given.Token).WaitAsync(Given.Token);
        _platform.OnTrain = (log, _) => log.AddStatus("Failed");

        var failing = Given.Finetune(Given.Client(_platform), id: "run2").Start(cancellationToken: Given.Token);

        await Should.ThrowAsync<InternalErrorException>(() => failing.WaitAsync(Given.Token));
    }

    private static JsonObject Train(string state) => JsonNode.Parse(state)!["ppls"]![0]!["actions"]!.AsArray().Select(a => a!.AsObject()).Single(a => a["type"]!.GetValue<string>() == "TrainAction");

    private static Func<string, Task> Crash(string call, CancellationTokenSource crash) => name =>
    {
        if (name == call)
        {
            crash.Cancel();
            crash.Token.ThrowIfCancellationRequested();
        }

        return Task.CompletedTask;
    };

    private void StopAtFirstMetric(LlmFinetune trainer) =>
        _store.After = async e =>
        {
            if (e.Data?["events"] is JsonArray events && events.Any(x => x!["kind"]!.GetValue<string>() == "metric"))
            {
                await trainer.StopAsync(Given.Token);
            }
        };

    private static List<string> WithoutRepeats(IEnumerable<string> names)
    {
        var result = new List<string>();
        foreach (var name in names)
        {
            if (result.Count == 0 || result[^1] != name)
            {
                result.Add(name);
            }
        }

        return result;
    }
}
