using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class WorkerProcessTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public WorkerProcessTests()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
    }

    public void Dispose() => _folder.Dispose();

    private StartTraining Start(int epochs) =>
        new(_folder.At("task"), _folder.At("model"), _folder.At("rows.jsonl"), TinyModel.Config(epochs: epochs));

    [Fact]
    public async Task A_task_is_trained_stopped_resumed_and_its_model_answers()
    {
        await using (var worker = new Worker("train"))
        {
            var hello = await worker.ExpectAsync<WorkerHello>();
            (hello.Protocol, hello.Mode, hello.ProcessId).ShouldBe((WorkerLine.ProtocolVersion, "train", worker.ProcessId));
            worker.Received.Count.ShouldBe(1);
            worker.Send(Start(epochs: 200));
            (await worker.ExpectAsync<TrainingStarted>()).TotalSteps.ShouldBe(400);
            await worker.ExpectAsync<TrainingProgress>(progress => progress.Step == 3);
            worker.Send(new StopTraining());
            var stopped = await worker.ExpectAsync<TrainingStopped>();
            worker.Received.OfType<CheckpointSaved>().Last().Step.ShouldBe(stopped.Step);
            (await worker.EndAsync()).ShouldBe(0);
            worker.Received[^1].ShouldBe(stopped);
        }
        await using (var worker = new Worker("train"))
        {
            worker.Send(Start(epochs: 200));
            (await worker.ExpectAsync<TrainingStarted>()).FromStep.ShouldBeGreaterThanOrEqualTo(3);
            (await worker.ExpectAsync<TrainingCompleted>()).Steps.ShouldBe(400);
            (await worker.EndAsync()).ShouldBe(0);
        }
        await using (var worker = new Worker("serve"))
        {
            worker.Send(new LoadModel("load", "tuned", _folder.At("task", "output")));
            (await worker.ExpectAsync<ModelLoaded>()).ContextLength.ShouldBe(96);
            worker.Send(new Generate("chat", "tuned", [new("user", TinyModel.Pairs[5].Question)], null, new SamplingConfig { Temperature = 0 }));
            worker.Send(new Generate("lost", "nobody", null, "x", new SamplingConfig()));
            await worker.ExpectAsync<DecodeStep>(step => step.Slots[0].FinishReason is not null);
            string.Concat(worker.Received.OfType<DecodeStep>().SelectMany(step => step.Slots).Select(slot => slot.Text)).ShouldBe(TinyModel.Pairs[5].Answer);
            if (!worker.Received.OfType<RequestFailed>().Any())
                await worker.ExpectAsync<RequestFailed>();
            worker.Received.OfType<RequestFailed>().Single().Code.ShouldBe(WorkerErrors.ModelNotFound);
            worker.Send(new LoadModel("bad", "bad", _folder.At("nowhere")));
            (await worker.ExpectAsync<RequestFailed>()).Code.ShouldBe(WorkerErrors.InvalidModel);
            worker.Send(new Embed("embed", "tuned", ["x"]));
            (await worker.ExpectAsync<Embedded>()).Vectors.Single().Count.ShouldBe(32);
            if (OperatingSystem.IsLinux())
                File.ReadAllText($"/proc/{worker.ProcessId}/maps").ShouldNotContain("libtorch");
            // All are answered: no request is left, and what was kept goes with the model.
            var kept = await worker.ExpectAsync<Heartbeat>();
            kept.Requests.ShouldBe(0);
            kept.CacheUsedBytes.ShouldNotBeNull().ShouldBeGreaterThan(0);
            worker.Send(new UnloadModel("tuned"));
            await worker.ExpectAsync<Heartbeat>(heartbeat => heartbeat.CacheUsedBytes == 0);
            worker.Send(new Shutdown());
            (await worker.EndAsync()).ShouldBe(0);
        }
    }

    [Fact]
    public async Task A_training_worker_whose_platform_is_gone_saves_and_ends()
    {
        await using var worker = new Worker("train");
        worker.Send(Start(epochs: 5000));
        await worker.ExpectAsync<TrainingProgress>();
        worker.CloseInput();
        (await worker.EndAsync()).ShouldBe(0);
        var stopped = worker.Received.OfType<TrainingStopped>().Single();
        Directory.Exists(_folder.At("task", "checkpoints", $"step-{stopped.Step:D8}")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_killed_training_goes_on_with_the_losses_of_one_that_was_not()
    {
        var config = TinyModel.Config(epochs: 12) with { CheckpointSteps = 4 };
        await using var whole = new Worker("train");
        whole.Send(new StartTraining(_folder.At("whole"), _folder.At("model"), _folder.At("rows.jsonl"), config));
        await whole.ExpectAsync<TrainingCompleted>();

        var start = new StartTraining(_folder.At("task"), _folder.At("model"), _folder.At("rows.jsonl"), config);
        await using var killed = new Worker("train");
        killed.Send(start);
        await killed.ExpectAsync<CheckpointSaved>();
        killed.Kill();
        await using var next = new Worker("train");
        next.Send(start);
        var started = await next.ExpectAsync<TrainingStarted>();
        started.FromStep.ShouldBeGreaterThan(0);
        await next.ExpectAsync<TrainingCompleted>();
        // It repeats what came before its checkpoint, since a platform that died may not have heard it, and goes on from there.
        Losses(next).ShouldBe(Losses(whole));

        static List<(int Step, double Loss)> Losses(Worker worker) => [.. worker.Received.OfType<TrainingProgress>().Select(progress => (progress.Step, progress.Loss))];
    }

    [Fact]
    public async Task A_second_worker_on_the_same_task_is_refused()
    {
        using var held = TaskLock.Take(_folder.At("task"));
        await using var worker = new Worker("train");
        worker.Send(Start(epochs: 1));
        (await worker.ExpectAsync<TrainingFailed>()).Code.ShouldBe(WorkerErrors.TaskLocked);
        (await worker.EndAsync()).ShouldBe(1);
    }

    [Theory]
    [InlineData("train")]
    [InlineData("serve")]
    public async Task A_worker_without_a_platform_ends(string mode)
    {
        await using var worker = new Worker(mode);
        await worker.ExpectAsync<WorkerHello>();
        worker.CloseInput();
        (await worker.EndAsync()).ShouldBe(0);
    }
}
