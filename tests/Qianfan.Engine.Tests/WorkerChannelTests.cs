using System.Text;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Engine.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class WorkerChannelTests
{
    [Fact]
    public async Task Hello_comes_first_and_a_heartbeat_every_five_seconds()
    {
        var time = new FakeTimeProvider();
        var output = new MemoryStream();
        await using (var channel = new WorkerChannel("train", Stream.Null, output, TextWriter.Null, time))
        {
            time.Advance(TimeSpan.FromSeconds(4));
            time.Advance(TimeSpan.FromSeconds(7));
        }
        var messages = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(WorkerLine.ReadWorker).ToList();
        messages[0].ShouldBeOfType<WorkerHello>().Mode.ShouldBe("train");
        messages.OfType<Heartbeat>().Count().ShouldBe(2);
        messages.OfType<Heartbeat>().ShouldAllBe(heartbeat => heartbeat.WorkingSetBytes > 0);
    }

    [Fact]
    public async Task Lines_that_are_no_message_are_passed_over_with_a_note()
    {
        var log = new StringWriter();
        var input = new MemoryStream(Encoding.UTF8.GetBytes($"garbage\n\n{{\"type\":\"dance\"}}\n{WorkerLine.Write(new CancelRequest("天"))}\n"));
        await using var channel = new WorkerChannel("serve", input, new MemoryStream(), log, new FakeTimeProvider());
        (await channel.ReadAsync(TestContext.Current.CancellationToken)).ShouldBe(new CancelRequest("天"));
        (await channel.ReadAsync(TestContext.Current.CancellationToken)).ShouldBeNull();
        log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(2);
    }

    [Fact]
    public void What_a_line_leaves_out_keeps_its_default()
    {
        var generate = WorkerLine.ReadHost("""{"type":"generate","requestId":"r","modelKey":"m","prompt":"x","sampling":{"maxTokens":3}}""").ShouldBeOfType<Generate>();
        (generate.Sampling.MaxTokens, generate.Sampling.TopP, generate.Sampling.RepetitionPenalty, generate.Sampling.Stop.Count).ShouldBe((3, 1, 1, 0));
        var start = WorkerLine.ReadHost("""
            {"type":"startTraining","taskDirectory":"t","baseModelDirectory":"b","rowsFile":"r",
             "config":{"parameterScale":"LoRA","epochs":1,"batchSize":2,"learningRate":0.1,"maxSequenceLength":64}}
            """).ShouldBeOfType<StartTraining>();
        start.Config.ShouldBe(new TrainingConfig { ParameterScale = "LoRA", Epochs = 1, BatchSize = 2, LearningRate = 0.1, MaxSequenceLength = 64 });
        WorkerLine.ReadHost(WorkerLine.Write(start)).ShouldBe(start);
    }
}
