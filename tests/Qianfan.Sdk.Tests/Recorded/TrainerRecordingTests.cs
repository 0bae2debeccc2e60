using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>The trainer scenarios of the recordings: our trainer, told to do the same, sends the same requests, but for the differences that each test names, and reads the recorded answers.</summary>
public sealed class TrainerRecordingTests
{
    [Fact]
    public async Task Finetune_full()
    {
        var events = await Recordings.FinetuneFullAsync();
        events.Output["service_endpoint"]!.GetValue<string>().ShouldBe("kzpitmni_daxx");
        events.Output["metrics"]!["BLEU-4"]!.GetValue<string>().ShouldBe("16.56%");
        events.Status.ShouldBe("Deployed");
    }

    [Fact]
    public async Task Finetune_full_nocache()
    {
        var run = await Recordings.FinetuneFullNoCacheAsync();
        run.Output["service_id"]!.GetValue<string>().ShouldBe("svco-d849r0s60j23");
    }

    [Fact]
    public async Task Finetune_failed()
    {
        var run = await Recordings.FinetuneFailedAsync();
        run.Error!.Message.ShouldBe("[train_action]training job job-qxm73oep0/task-yr13bzdw5 has ended with status: Failed");
        run.Status.ShouldBe("TrainFailed");
    }

    [Fact]
    public async Task Finetune_bos() => (await Recordings.FinetuneBosAsync()).Output["model_id"]!.GetValue<string>().ShouldBe("amv-oioodt9831xm");

    [Fact]
    public async Task Finetune_incremental() => (await Recordings.FinetuneIncrementalAsync()).Output["model_set_id"]!.GetValue<string>().ShouldBe("am-uw0tm3mywnq0");

    [Fact]
    public async Task Finetune_dataset_config() => (await Recordings.FinetuneDatasetConfigAsync()).Output["corpus_config"]!["copyData"]!.GetValue<bool>().ShouldBeTrue();

    [Fact]
    public async Task Post_pretrain()
    {
        var run = await Recordings.PostPreTrainAsync();
        run.Output.ContainsKey("model_id").ShouldBeFalse();
        run.Status.ShouldBe("TrainFinished");
    }

    [Fact]
    public async Task Dpo() => (await Recordings.DpoAsync()).Output["model_id"]!.GetValue<string>().ShouldBe("amv-oioodt9831xm");

    [Fact]
    public async Task Train_resume() => (await Recordings.TrainResumeAsync()).Output["task_id"]!.GetValue<string>().ShouldBe("task-djklfai1dw2");

    [Fact]
    public async Task Train_stop()
    {
        var run = await Recordings.TrainStopAsync();
        run.Error.ShouldBeOfType<ActionStoppedException>();
        run.Output.ShouldBeEmpty();
    }

    [Fact]
    public async Task Seed_full()
    {
        var run = await Recordings.SeedFullAsync();
        run.Output["service_endpoint"]!.GetValue<string>().ShouldBe("xbiimimv_xxx");
        run.Output["model"]!["name"]!.GetValue<string>().ShouldBe("m_602421158");
        run.Output["service_id"]!.GetValue<string>().ShouldBe("164");
    }

    [Fact]
    public async Task Seed_default_config() => (await Recordings.SeedDefaultConfigAsync()).Output["model_id"]!.GetValue<string>().ShouldBe("39");

    [Fact]
    public async Task Seed_stop() => (await Recordings.SeedStopAsync()).Error.ShouldBeOfType<ActionStoppedException>();

    [Fact]
    public void Every_recorded_scenario_has_its_test()
    {
        var tested = typeof(TrainerRecordingTests).Assembly.GetTypes()
            .Where(t => t.Namespace == typeof(TrainerRecordingTests).Namespace)
            .SelectMany(t => t.GetMethods())
            .Where(m => m.GetCustomAttributes(typeof(FactAttribute), false).Length > 0)
            .Select(m => m.Name.ToLowerInvariant());
        Exchange.Scenarios.Except(tested).ShouldBeEmpty();
    }
}
