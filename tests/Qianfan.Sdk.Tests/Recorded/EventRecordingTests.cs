using System.Text.Json.Nodes;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>The recorded event sequences of the official trainers, 0.2.0 (the seed) and 0.4.12: ours tells the same, but for the corrections that each test names.</summary>
public sealed class EventRecordingTests
{
    private const string Current = "events_current.jsonl";
    private const string Seed = "events_seed.jsonl";

    private static readonly HashSet<string> s_tested =
    [
        "finetune_full", "finetune_failed", "finetune_bos", "finetune_incremental", "post_pretrain", "train_stop", "train_resume", "finetune_dataset_config", "finetune_full_nocache", "dpo",
        "seed_full", "seed_default_config", "seed_error_action", "seed_error_pipeline", "seed_stop",
    ];

    [Fact]
    public async Task Finetune_full() => Compare(Current, "finetune_full", await Recordings.FinetuneFullAsync(), Corrections.CreationsAreTold, Corrections.OutputHoldsInput);

    [Fact]
    public async Task Finetune_full_nocache() => Compare(Current, "finetune_full_nocache", await Recordings.FinetuneFullNoCacheAsync(), Corrections.CreationsAreTold, Corrections.OutputHoldsInput);

    [Fact]
    public async Task Finetune_failed() => Compare(Current, "finetune_failed", await Recordings.FinetuneFailedAsync(), Corrections.CreationsAreTold);

    [Fact]
    public async Task Finetune_bos() => Compare(Current, "finetune_bos", await Recordings.FinetuneBosAsync(), Corrections.CreationsAreTold);

    [Fact]
    public async Task Finetune_incremental() => Compare(Current, "finetune_incremental", await Recordings.FinetuneIncrementalAsync(), Corrections.CreationsAreTold);

    [Fact]
    public async Task Finetune_dataset_config() => Compare(Current, "finetune_dataset_config", await Recordings.FinetuneDatasetConfigAsync(), Corrections.CreationsAreTold);

    [Fact]
    public async Task Post_pretrain() => Compare(Current, "post_pretrain", await Recordings.PostPreTrainAsync(), Corrections.CreationsAreTold);

    [Fact]
    public async Task Dpo() => Compare(Current, "dpo", await Recordings.DpoAsync(), Corrections.CreationsAreTold, Corrections.WarningsAreTold);

    [Fact]
    public async Task Train_stop() => Compare(Current, "train_stop", await Recordings.TrainStopAsync(), Corrections.CreationsAreTold, Corrections.StopEndsInStopped);

    [Fact]
    public async Task Train_resume() => Compare(Current, "train_resume", await Recordings.TrainResumeAsync(), Corrections.ResumeIsTold, Corrections.PublishingIsTold);

    [Fact]
    public async Task Seed_full() => Compare(
        Seed, "seed_full", await Recordings.SeedFullAsync(), Corrections.PipelineNamesItself, Corrections.SeedTrainOutput, Corrections.SeedEvents, Corrections.CreationsAreTold, Corrections.OutputHoldsInput);

    [Fact]
    public async Task Seed_default_config() => Compare(
        Seed, "seed_default_config", await Recordings.SeedDefaultConfigAsync(), Corrections.PipelineNamesItself, Corrections.SeedTrainOutput, Corrections.SeedEvents, Corrections.CreationsAreTold, Corrections.OutputHoldsInput);

    [Fact]
    public async Task Seed_stop() => Compare(
        Seed, "seed_stop", await Recordings.SeedStopAsync(), Corrections.PipelineNamesItself, Corrections.SeedTrainOutput, Corrections.SeedEvents, Corrections.CreationsAreTold, Corrections.StopEndsInStopped);

    [Fact]
    public async Task Seed_error_action()
    {
        var store = new EventStore();
        var action = new TrainAction(Given.Client(new ScriptedPlatform(), ours: false), "ERNIE-Speed", eventHandler: store);

        await Should.ThrowAsync<InvalidArgumentException>(() => action.ExecAsync(null, Given.Token));

        Compare(Seed, "seed_error_action", store.Events, Corrections.OtherMessage);
    }

    [Fact]
    public async Task Seed_error_pipeline()
    {
        var store = new EventStore();
        var pipeline = new Pipeline([new FailingAction()], null, store);

        await Should.ThrowAsync<InvalidOperationException>(() => pipeline.ExecAsync(null, Given.Token));

        Compare(Seed, "seed_error_pipeline", store.Events, Corrections.PipelineNamesItself, Corrections.HandlerReachesAll);
    }

    [Fact]
    public void Every_recorded_sequence_has_its_test() => EventLine.Scenarios(Current).Concat(EventLine.Scenarios(Seed)).ShouldBe(s_tested, ignoreOrder: true);

    [Fact]
    public void Each_of_the_22_bugs_has_its_row_in_the_docs() =>
        DocsTable.Read("What is corrected").SelectMany(r => r[1].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(n => int.Parse(n, System.Globalization.CultureInfo.InvariantCulture)).Distinct().ShouldBe(Enumerable.Range(1, 22), ignoreOrder: true);

    private static void Compare(string file, string scenario, RecordedRun run, params Correction[] corrections) => Compare(file, scenario, run.Events, corrections);

    private static void Compare(string file, string scenario, IReadOnlyList<Event> events, params Correction[] corrections)
    {
        s_tested.ShouldContain(scenario);
        var documented = DocsTable.Read("What is corrected").Select(r => r[0]).ToList();
        IReadOnlyList<EventLine> expected = EventLine.Recorded(file, scenario);
        foreach (var correction in corrections)
        {
            documented.ShouldContain(correction.Name);
            List<EventLine> corrected = [.. correction.Apply(expected)];
            corrected.SequenceEqual(expected).ShouldBeFalse($"the correction \"{correction.Name}\" corrects nothing in {scenario}");
            expected = corrected;
        }

        events.Select(e => EventLine.Of(e).ToString()).ShouldBe(expected.Select(e => e.ToString()));
    }

    private sealed class FailingAction : BaseAction
    {
        protected override Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken) => throw new InvalidOperationException("boom");
    }
}
