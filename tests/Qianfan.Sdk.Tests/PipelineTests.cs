using System.Text.Json.Nodes;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

public sealed class PipelineTests
{
    private readonly EventStore _store = new();

    [Fact]
    public async Task Actions_take_the_output_of_the_one_before_and_post_actions_follow()
    {
        var post = new AddAction("d", 100);
        var pipeline = new Pipeline([new AddAction("a", 1), new AddAction("b", 2)], [post], _store, "p");

        var output = await pipeline.ExecAsync(new JsonObject { ["sum"] = 10 }, Given.Token);

        output["sum"]!.GetValue<int>().ShouldBe(13);
        post.Output!["sum"]!.GetValue<int>().ShouldBe(113);
        pipeline.CurrentAction.ShouldBe(post);
        pipeline["a"].ShouldBeOfType<AddAction>();
        pipeline["z"].ShouldBeNull();
        _store.Events[0].Description.ShouldBe("action_event: action_type[Pipeline] action_id[p], msg:");
        _store.Events[1].ShouldSatisfyAllConditions(
            e => e.Description.ShouldBe("action_event: action_type[Pipeline] action_id[p], msg:pipeline running"),
            e => e.Data!.ToJsonString().ShouldBe("""{"action":"a","ppl_id":"p"}"""));
    }

    [Fact]
    public async Task Pipelines_nest_and_pass_their_handler_on()
    {
        var pipeline = new Pipeline([new Pipeline([new AddAction("a", 1)], id: "inner"), new AddAction("b", 2)], null, _store, "outer");

        (await pipeline.ExecAsync(null, Given.Token))["sum"]!.GetValue<int>().ShouldBe(3);

        _store.Events.Select(e => $"{e.ActionId}.{e.ActionState}").ShouldBe(
        [
            "outer.Preceding", "outer.Running", "inner.Preceding", "inner.Running", "a.Preceding", "a.Done", "inner.Done",
            "outer.Running", "b.Preceding", "b.Done", "outer.Done",
        ]);
    }

    [Fact]
    public async Task Execution_can_begin_in_the_middle()
    {
        var pipeline = new Pipeline([new AddAction("a", 1), new AddAction("b", 2)]);

        (await pipeline.ExecFromAsync(new JsonObject { ["sum"] = 10 }, "b", Given.Token))["sum"]!.GetValue<int>().ShouldBe(12);
        (await pipeline.ExecAsync(null, Given.Token))["sum"]!.GetValue<int>().ShouldBe(3);
        await Should.ThrowAsync<InvalidArgumentException>(() => pipeline.ExecFromAsync(null, "z", Given.Token));
    }

    [Fact]
    public async Task A_failure_ends_the_pipeline_and_a_resume_repeats_only_what_failed()
    {
        var first = new AddAction("a", 1);
        var failing = new AddAction("b", 2) { Fails = true };
        var pipeline = new Pipeline([first, failing, new AddAction("c", 3)], null, _store, "p");

        await Should.ThrowAsync<InvalidOperationException>(() => pipeline.ExecAsync(null, Given.Token));
        pipeline.State.ShouldBe(ActionState.Error);
        pipeline.ErrorMessage.ShouldBe("b fails");
        failing.Fails = false;

        (await pipeline.ResumeAsync(Given.Token))["sum"]!.GetValue<int>().ShouldBe(6);
        first.Executions.ShouldBe(1);
        (await pipeline.ResumeAsync(Given.Token))["sum"]!.GetValue<int>().ShouldBe(6);
    }

    [Fact]
    public async Task A_stop_between_actions_ends_in_Stopped_and_the_rest_is_resumed_from_text()
    {
        var pipeline = new Pipeline([new AddAction("a", 1), new AddAction("b", 2)], null, _store, "p");
        _store.After = e => e is { ActionId: "a", ActionState: ActionState.Done } ? pipeline.StopAsync(Given.Token) : Task.CompletedTask;

        await Should.ThrowAsync<ActionStoppedException>(() => pipeline.ExecAsync(null, Given.Token));
        _store.Events[^1].ShouldSatisfyAllConditions(e => e.ActionId.ShouldBe("p"), e => e.ActionState.ShouldBe(ActionState.Stopped));

        _store.After = _ => Task.CompletedTask;
        var again = Pipeline.Loads(pipeline.Dumps(), Given.Client(new ScriptedPlatform()), _store, Custom());
        (await again.ResumeAsync(Given.Token))["sum"]!.GetValue<int>().ShouldBe(3);
        ((AddAction)again["a"]!).Executions.ShouldBe(0);
    }

    [Fact]
    public async Task Events_can_be_enumerated_in_place_of_a_handler()
    {
        var pipeline = new Pipeline([new AddAction("a", 1), new AddAction("b", 2) { Fails = true }], id: "p");
        var events = new List<string>();

        await Should.ThrowAsync<InvalidOperationException>(async () =>
        {
            await foreach (var e in pipeline.ExecWithEventsAsync(cancellationToken: Given.Token))
            {
                events.Add($"{e.ActionId}.{e.ActionState}");
            }
        });

        events.ShouldBe(["p.Preceding", "p.Running", "a.Preceding", "a.Done", "p.Running", "b.Preceding", "b.Error", "p.Error"]);
        pipeline.EventHandler.ShouldBeNull();
    }

    [Fact]
    public async Task Leaving_the_enumeration_early_aborts_the_execution()
    {
        var pipeline = new Pipeline([new AddAction("a", 1), new AddAction("b", 2)], id: "p");
        await foreach (var e in pipeline.ExecWithEventsAsync(cancellationToken: Given.Token))
        {
            if (e.ActionId == "a")
            {
                break;
            }
        }

        pipeline.IsExecuting.ShouldBeFalse();
        (await pipeline.ResumeAsync(Given.Token))["sum"]!.GetValue<int>().ShouldBe(3);
    }

    [Fact]
    public async Task Dumps_and_Loads_keep_everything_at_every_event()
    {
        var platform = new ScriptedPlatform();
        var client = Given.Client(platform);
        var trainer = Given.Finetune(client, _store, config: new TrainConfig { Epoch = 2, LearningRate = 1e-4, PeftType = PeftType.LoRA, Extras = new JsonObject { ["top"] = "顶" } });
        _store.After = _ =>
        {
            var text = trainer.Dumps();
            LlmFinetune.Loads(text, client).Dumps().ShouldBe(text);
            var pipeline = trainer.Pipeline.Dumps();
            Pipeline.Loads(pipeline, client).Dumps().ShouldBe(pipeline);
            return Task.CompletedTask;
        };

        await trainer.RunAsync(cancellationToken: Given.Token);

        _store.Events.Count.ShouldBeGreaterThan(17);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":3,"type":"Pipeline"}""")]
    [InlineData("""{"version":2,"type":"LlmFinetune","ppls":[]}""")]
    [InlineData("""{"version":1,"type":"Unheard"}""")]
    [InlineData("""{"version":1,"type":"Pipeline","actions":[5],"post_actions":[]}""")]
    [InlineData("""{"version":1,"type":"TrainAction","id":"a","name":"n","state":"Running"}""")]
    public void What_is_no_state_is_refused(string text) =>
        Should.Throw<InvalidArgumentException>(() => Pipeline.Loads(text, Given.Client(new ScriptedPlatform())));

    [Fact]
    public async Task Only_one_execution_runs_at_a_time()
    {
        var pipeline = new Pipeline([new AddAction("a", 1)], null, _store, "p");
        _store.After = _ => Should.ThrowAsync<InvalidOperationException>(() => pipeline.ExecAsync(null, Given.Token));

        await pipeline.ExecAsync(null, Given.Token);
    }

    private static Dictionary<string, Func<BaseAction>> Custom() => new() { [nameof(AddAction)] = () => new AddAction("?", 0) };

    /// <summary>An action of a user: adds to <c>sum</c>.</summary>
    private sealed class AddAction(string id, int amount) : BaseAction(id)
    {
        private int _amount = amount;

        public bool Fails { get; set; }

        public int Executions { get; private set; }

        protected override Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
        {
            Executions++;
            if (Fails)
            {
                throw new InvalidOperationException($"{Id} fails");
            }

            input["sum"] = (input["sum"]?.GetValue<int>() ?? 0) + _amount;
            return Task.FromResult(input);
        }

        protected override void SaveState(JsonObject state) => state["amount"] = _amount;

        protected override void LoadState(JsonObject state) => _amount = state["amount"]!.GetValue<int>();
    }
}
