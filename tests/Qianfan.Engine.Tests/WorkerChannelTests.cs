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
}
