using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Tests.Recorded;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>What is seldom needed: incremental training, handlers for one action, configs out of limits, V1, other trainers, older states.</summary>
public sealed class TrainerOptionsTests
{
    private readonly ScriptedPlatform _platform = new();
    private readonly EventStore _store = new();

    private QianfanClient Client => Given.Client(_platform);

    [Fact]
    public async Task Incremental_training_of_the_same_kind_takes_model_and_job_of_the_previous_task()
    {
        var first = Given.Finetune(Client);
        await first.RunAsync(cancellationToken: Given.Token);

        var second = new LlmFinetune(Client, null, Dataset.Load("ds-2"), options: new LlmFinetuneOptions { Id = "run2", PreviousTrainer = first });
        await second.RunAsync(cancellationToken: Given.Token);

        _platform.Jobs.Count.ShouldBe(1);
        var body = _platform.Requests.Last(r => r.Name == "CreateFineTuningTask").Body!;
        body["jobId"]!.GetValue<string>().ShouldBe("job-1");
        body["incrementTaskId"]!.GetValue<string>().ShouldBe("task-1");
        second.Output!["task_id"]!.GetValue<string>().ShouldBe("task-2");
        second.Pipeline.Actions.OfType<TrainAction>().Single().IsIncr.ShouldBeTrue();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_crash_around_the_creation_of_an_incremental_task_finds_it_among_the_tasks_of_the_job(bool after)
    {
        await Given.Finetune(Client).RunAsync(cancellationToken: Given.Token);
        using var crash = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        Func<string, Task> hook = name =>
        {
            if (name == "CreateFineTuningTask")
            {
                crash.Cancel();
                crash.Token.ThrowIfCancellationRequested();
            }

            return Task.CompletedTask;
        };
        (_platform.Before, _platform.After) = after ? (_platform.Before, hook) : (hook, _platform.After);
        var trainer = new LlmFinetune(Client, null, Dataset.Load("ds-2"), eventHandler: _store, options: new LlmFinetuneOptions { Id = "run2", PreviousTaskId = "task-1" });
        _store.Dump = trainer.Dumps;
        await Should.ThrowAsync<OperationCanceledException>(() => trainer.RunAsync(cancellationToken: crash.Token));

        (_platform.Before, _platform.After) = (_ => Task.CompletedTask, _ => Task.CompletedTask);
        var again = LlmFinetune.Loads(_store.LastState!, Client);
        await again.ResumeAsync(Given.Token);

        _platform.Tasks.Count.ShouldBe(2);
        again.Output!["task_id"]!.GetValue<string>().ShouldBe("task-2");
    }

    [Fact]
    public async Task Incremental_training_of_another_kind_gets_a_job_of_its_own()
    {
        await Given.Finetune(Client).RunAsync(cancellationToken: Given.Token);
        _platform.TrainMode = "PostPretrain";

        await new LlmFinetune(Client, null, Dataset.Load("ds-2"), options: new LlmFinetuneOptions { PreviousTaskId = "task-1", ModelNotPublish = true }).RunAsync(cancellationToken: Given.Token);

        _platform.Jobs.Count.ShouldBe(2);
    }

    [Fact]
    public void A_previous_trainer_that_has_not_trained_is_refused() => Should.Throw<InvalidArgumentException>(() =>
        new LlmFinetune(Client, null, Dataset.Load("ds-1"), options: new LlmFinetuneOptions { PreviousTrainer = Given.Finetune(Client) })).Message.ShouldContain("hasn't trained");

    [Fact]
    public async Task A_handler_for_one_action_hears_that_action_only()
    {
        var one = new EventStore();
        var trainer = Given.Finetune(Client, _store);
        trainer.RegisterEventHandler(one, actionId: "run1-publish");

        await trainer.RunAsync(cancellationToken: Given.Token);

        one.Names.Distinct().ShouldBe(["ModelPublish.Preceding", "ModelPublish.Running", "ModelPublish.Done"]);
        _store.Names.ShouldNotContain("ModelPublish.Done");
        _store.Names.ShouldContain("Deploy.Done");
        Should.Throw<InvalidArgumentException>(() => trainer.RegisterEventHandler(one, actionId: "nobody"));
        Should.Throw<InvalidArgumentException>(() => trainer.RegisterEventHandler(one, pplId: "nobody"));
    }

    [Fact]
    public async Task A_handler_for_all_reaches_nested_pipelines_and_a_pipelines_id_means_its_own_events()
    {
        var outer = new EventStore();
        var inner = new EventStore();
        var pipeline = new Pipeline([new Pipeline([new Doing("a")], id: "inner")], id: "outer");
        pipeline.RegisterEventHandler(outer);
        pipeline.RegisterEventHandler(inner, "inner");

        await pipeline.ExecAsync(null, Given.Token);

        outer.Events.Select(e => e.ActionId).Distinct().ShouldBe(["outer", "a"]);
        inner.Events.Select(e => e.ActionId).Distinct().ShouldBe(["inner"]);
    }

    [Fact]
    public async Task The_events_of_a_trainer_can_be_enumerated()
    {
        var names = new List<string>();
        await foreach (var e in Given.Finetune(Client).RunWithEventsAsync(cancellationToken: Given.Token))
        {
            names.Add($"{e.ActionClass}.{e.ActionState}");
        }

        names[0].ShouldBe("Pipeline.Preceding");
        names[^1].ShouldBe("Pipeline.Done");
        names.ShouldContain("DeployAction.Done");
    }

    [Fact]
    public async Task A_trainer_without_a_pipeline_has_nothing_to_run()
    {
        var trainer = new Empty();
        trainer.Output.ShouldBeNull();
        trainer.Status.ShouldBe("Unknown");
        (await Should.ThrowAsync<InvalidArgumentException>(() => trainer.RunAsync(cancellationToken: Given.Token))).Message.ShouldContain("no pipeline");
    }

    [Fact]
    public async Task A_config_outside_the_limits_is_sent_with_a_warning_when_validation_is_not_strict()
    {
        var trainer = new LlmFinetune(
            Client, "qianfan-tiny", Dataset.Load("ds-1"), new TrainConfig { Epoch = 99 }, null, _store, options: new LlmFinetuneOptions { ValidateStrict = false, ModelNotPublish = true });

        await trainer.RunAsync(cancellationToken: Given.Token);

        _store.Events.Single(e => e.Data?["warnings"] is not null).Data!["warnings"]![0]!.GetValue<string>().ShouldContain("epoch is 99");
        _platform.Requests.Single(r => r.Name == "CreateFineTuningTask").Body!["hyperParameterConfig"]!["epoch"]!.GetValue<int>().ShouldBe(99);
    }

    [Fact]
    public async Task Options_reach_the_task_and_survive_a_saved_state()
    {
        var trainer = new LlmFinetune(
            Client,
            "qianfan-tiny",
            new DatasetConfig { Sources = [DatasetSource.Of(Dataset.Load("ds-1")), DatasetSource.Of(Dataset.Load("ds-2"), 2)] },
            new TrainConfig { ResourceConfig = new TrainResourceConfig { ResourceId = "r", NodeNum = 2, IdleResource = true } },
            options: new LlmFinetuneOptions
            {
                Id = "run1",
                ModelNotPublish = true,
                SplitRatio = 5,
                SamplingRate = 0.5,
                CorpusConfig = new CorpusConfig { Config = [new CorpusConfigItem { Proportion = "1%", CorpusType = CorpusType.QianfanCommon }] },
                TrainExtras = new JsonObject { ["own"] = new JsonArray(1, "二") },
            });

        await LlmFinetune.Loads(trainer.Dumps(), Client).RunAsync(cancellationToken: Given.Token);

        var body = _platform.Requests.Single(r => r.Name == "CreateFineTuningTask").Body!;
        body["datasetConfig"]!.ToJsonString().ShouldBe("""{"versions":[{"versionId":"ds-1","samplingRate":0.5},{"versionId":"ds-2","samplingRate":2}],"sourceType":"Platform","splitRatio":5}""");
        body["resourceConfig"]!.ToJsonString().ShouldBe("""{"resourceId":"r","nodeNum":2,"idleResource":true}""");
        body["corpusConfig"]!.ToJsonString().ShouldBe("""{"config":[{"proportion":"1%","corpusType":1}]}""");
        body["own"]![1]!.GetValue<string>().ShouldBe("二");
    }

    [Fact]
    public void Rows_that_are_in_memory_alone_are_refused_with_what_to_do()
    {
        var filtered = Dataset.FromFile("rows.jsonl").Filter(_ => true);

        Should.Throw<InvalidArgumentException>(() => new LlmFinetune(Client, "qianfan-tiny", filtered)).Message.ShouldContain("save it");
        Should.Throw<InvalidArgumentException>(() => DatasetConfig.Of(Dataset.FromRows([new DatasetRow(1, [])]))).Message.ShouldContain("save it");
    }

    [Fact]
    public void Datasets_that_do_not_fit_together_are_refused()
    {
        Refused(new DatasetConfig { Sources = [] });
        Refused(new DatasetConfig { Sources = [DatasetSource.Of(Dataset.Load("ds-1")), DatasetSource.OfBos("bos:/b/p")] });
        Refused(new DatasetConfig { Sources = [DatasetSource.Of(Dataset.Load("ds-1"), 11)] });
        Refused(new DatasetConfig { Sources = [DatasetSource.Of(Dataset.Load("ds-1"))], SamplingRate = 0.001 });
        Refused(DatasetConfig.Of(Dataset.Load("ds-1"), 101));
        Should.Throw<InvalidArgumentException>(() => DatasetConfig.OfBos("/b/p"));
        Should.Throw<InvalidArgumentException>(() => DatasetConfig.Of(null!));

        void Refused(DatasetConfig config) => Should.Throw<InvalidArgumentException>(() => new LlmFinetune(Client, "qianfan-tiny", config));
    }

    [Fact]
    public async Task The_seeds_form_of_datasets_is_taken()
    {
        var action = new TrainAction(Client, "qianfan-tiny");

        var output = await action.ExecAsync(JsonNode.Parse("""{"datasets":[{"type":1,"id":111}]}""")!.AsObject(), Given.Token);

        output["task_id"]!.GetValue<string>().ShouldBe("task-1");
        _platform.Requests.Single(r => r.Name == "CreateFineTuningTask").Body!["datasetConfig"]!["versions"]![0]!["versionId"]!.GetValue<string>().ShouldBe("111");
    }

    [Fact]
    public async Task An_action_executed_again_takes_its_new_input_and_creates_anew()
    {
        var action = new TrainAction(Client, "qianfan-tiny");
        await action.ExecAsync(JsonNode.Parse("""{"datasets":[{"id":"ds-1"}]}""")!.AsObject(), Given.Token);
        await action.ExecAsync(JsonNode.Parse("""{"datasets":[{"id":"ds-2"}]}""")!.AsObject(), Given.Token);

        _platform.Requests.Where(r => r.Name == "CreateFineTuningTask").Select(r => r.Body!["datasetConfig"]!["versions"]![0]!["versionId"]!.GetValue<string>()).ShouldBe(["ds-1", "ds-2"]);
        _platform.Jobs.Select(j => j.Name).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public void Each_trainer_comes_back_from_its_text_and_from_no_others()
    {
        Trainer[] trainers = [Given.Finetune(Client), new PostPreTrain(Client, "ERNIE-Speed", DatasetConfig.OfBos("bos:/b/p/")), new Dpo(Client, "ERNIE-Speed", Dataset.Load("ds-1"), deployConfig: new DeployConfig())];
        Func<string, Trainer>[] loads = [t => LlmFinetune.Loads(t, Client), t => PostPreTrain.Loads(t, Client), t => Dpo.Loads(t, Client)];
        for (var i = 0; i < trainers.Length; i++)
        {
            var text = trainers[i].Dumps();
            for (var j = 0; j < loads.Length; j++)
            {
                if (i == j)
                {
                    loads[j](text).Dumps().ShouldBe(text);
                }
                else
                {
                    Should.Throw<InvalidArgumentException>(() => loads[j](text)).Message.ShouldStartWith("The state is not that of");
                }
            }
        }

        var future = Should.Throw<InvalidArgumentException>(() => LlmFinetune.Loads("""{"version":9,"type":"LlmFinetune","ppls":[]}""", Client));
        future.Message.ShouldBe("The state has version 9; this library reads versions 1 to 2.");
    }

    [Fact]
    public async Task A_state_of_version_1_goes_on()
    {
        const string State = """
            {"type":"Pipeline","id":"run1","name":"n","state":"Running","started":true,"run":1,"input":{},"output":null,"error":null,"current_action":"run1-load","from":0,
             "actions":[
              {"type":"LoadDataSetAction","id":"run1-load","name":"n","state":"Preceding","started":true,"run":1,"input":{},"output":null,"error":null,"dataset":{"id":"ds-1","file":null,"name":null},"split_ratio":null,"source":null,"dataset_id":"ds-1"},
              {"type":"TrainAction","id":"run1-train","name":"n","state":"Preceding","started":false,"run":0,"input":null,"output":null,"error":null,"train_type":"qianfan-tiny","base_model":null,"train_mode":"SFT","train_config":{"epoch":2,"trainset_rate":20},"job_name":"j","description":null,"previous_task_id":null,"given_job_id":null,"given_task_id":null,"job_id":null,"task_id":null,"cursor":0,"run_status":"","progress":null,"resume_pending":false,"continue_from":null,"continue_step":null,"ended_tasks":[]}],
             "post_actions":[],"version":1}
            """;

        var trainer = LlmFinetune.Loads(State, Client);
        await trainer.ResumeAsync(Given.Token);

        trainer.Status.ShouldBe("TrainFinished");
        _platform.Requests.Single(r => r.Name == "CreateFineTuningTask").Body!["hyperParameterConfig"]!["epoch"]!.GetValue<int>().ShouldBe(2);
    }

    [Fact]
    public async Task A_service_that_could_not_be_deployed_is_started_again_by_a_resume()
    {
        _platform.ServiceStatus = "Failed";
        var trainer = Given.Finetune(Client, _store);
        await Should.ThrowAsync<InternalErrorException>(() => trainer.RunAsync(cancellationToken: Given.Token));
        trainer.Status.ShouldBe("DeployFailed");

        await LlmFinetune.Loads(trainer.Dumps(), Client).ResumeAsync(Given.Token);

        _platform.Count("CreateService").ShouldBe(1);
        _platform.Count("StartService").ShouldBe(1);
    }

    [Fact]
    public async Task A_model_without_a_wished_name_is_called_by_its_training()
    {
        var output = await new ModelPublishAction(Client).ExecAsync(await TrainedAsync(), Given.Token);

        _platform.ModelSets.Single().Name.ShouldBe("m_job-1task-1");
        output["model"]!["name"]!.GetValue<string>().ShouldBe("m_job-1task-1");
    }

    [Fact]
    public async Task V1_does_not_repeat_a_creation_whose_answer_was_lost_and_says_so()
    {
        var platform = new ReplayPlatform(Exchange.Of("seed_default_config"), Differences.Names, Differences.TaskNamesBaseModel, Differences.ReleaseWhenNeeded)
        {
            After = call => call.EndsWith("/createJob", StringComparison.Ordinal) ? throw new HttpRequestException(HttpRequestError.ResponseEnded) : Task.CompletedTask,
        };
        var client = new QianfanClient(Given.Options(ours: false) with { ApiVersion = ApiVersion.V1 }, new HttpClient(platform));

        var error = await Should.ThrowAsync<InternalErrorException>(() => new LlmFinetune(client, "ERNIE-Bot-turbo-0725", Dataset.Load("42"), eventHandler: _store).RunAsync(cancellationToken: Given.Token));

        error.Message.ShouldContain("It isn't known whether finetune/createJob took effect");
        _store.Names[^1].ShouldBe("Pipeline.Error");
    }

    [Fact]
    public async Task V1_refuses_incremental_training_and_base_models_without_a_family()
    {
        var client = new QianfanClient(Given.Options(ours: false) with { ApiVersion = ApiVersion.V1 }, new HttpClient(_platform));
        var input = JsonNode.Parse("""{"datasets":[{"id":1}]}""")!.AsObject();

        (await Should.ThrowAsync<InvalidArgumentException>(() => new TrainAction(client, "x", previousTaskId: "1").ExecAsync(input, Given.Token))).Message.ShouldContain("V1 knows no incremental training");
        (await Should.ThrowAsync<InvalidArgumentException>(() => new TrainAction(client, "unheard").ExecAsync(input, Given.Token))).Message.ShouldContain("give the base model too");
    }

    [Theory]
    [InlineData("Created", FinetuneStatus.Created)]
    [InlineData("TrainCreated", FinetuneStatus.Created)]
    [InlineData("DatasetLoadStopped", FinetuneStatus.DatasetLoadStopped)]
    [InlineData("EvaluationFinished", FinetuneStatus.EvaluationFinished)]
    [InlineData("3", FinetuneStatus.Unknown)]
    [InlineData("nonsense", FinetuneStatus.Unknown)]
    [InlineData(null, FinetuneStatus.Unknown)]
    public void Statuses_are_read_by_the_seeds_names_and_the_later_ones(string? text, FinetuneStatus status) => FinetuneStatuses.Parse(text).ShouldBe(status);

    [Fact]
    public void The_later_name_of_Created_is_TrainCreated()
    {
        FinetuneStatus.Created.LaterName().ShouldBe("TrainCreated");
        FinetuneStatus.Training.LaterName().ShouldBe("Training");
    }

    private async Task<JsonObject> TrainedAsync() =>
        await new TrainAction(Client, "qianfan-tiny", id: "t").ExecAsync(JsonNode.Parse("""{"datasets":[{"id":"ds-1"}]}""")!.AsObject(), Given.Token);

    private sealed class Empty : Trainer;

    private sealed class Doing(string id) : BaseAction(id)
    {
        protected override Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken) => Task.FromResult(input);
    }
}
