using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>A task's event stream.</summary>
public sealed class EventStreamTests
{
    [Fact]
    public async Task A_follower_that_comes_back_misses_nothing_and_hears_nothing_twice()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, TotalSteps = 40 });
        var (_, task) = await host.Client.TaskAsync();
        var trainer = await host.Workers.NextTrainerAsync();
        var heard = new List<long>();
        while (heard.Count < 60)
        {
            trainer.Step(5);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/v2/finetuning/tasks/{task}/events");
            if (heard.Count > 0) request.Headers.Add("Last-Event-ID", heard[^1].ToString(CultureInfo.InvariantCulture));
            using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            for (var taken = 0; taken < 7;)
            {
                var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
                if (line is null) break;
                if (!line.StartsWith("id: ", StringComparison.Ordinal)) continue;
                heard.Add(long.Parse(line["id: ".Length..], CultureInfo.InvariantCulture));
                taken++;
            }
        }

        trainer.Step(40);
        heard.AddRange((await host.Client.EventsAsync(task, heard[^1])).Select(entry => entry.Id));
        heard.ShouldBe(Enumerable.Range(1, heard.Count).Select(i => (long)i));
        var all = await host.Client.EventsAsync(task);
        all.Select(entry => entry.Id).ShouldBe(heard);
        all[^1].Kind.ShouldBe("status");
        all[^1].Data.Text("runStatus").ShouldBe("Done");
        all[^1].Data.Text("runProgress").ShouldBe("100%");
        var metric = all.First(entry => entry.Kind == "metric").Data;
        foreach (var member in new[] { "step", "totalSteps", "epoch", "loss", "learningRate", "gradientNorm", "tokensPerSecond", "tokens", "time" }) metric[member].ShouldNotBeNull(member);
        DateTimeOffset.Parse(metric.Text("time"), CultureInfo.InvariantCulture).Offset.ShouldBe(TimeSpan.Zero);
        (await host.Client.EventsAsync(task, all.Count)).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_idle_stream_is_kept_alive_and_ends_when_the_host_stops()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-05-01T00:00:00Z", CultureInfo.InvariantCulture));
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false }, time: time);
        var (_, task) = await host.Client.TaskAsync();
        await host.Workers.NextTrainerAsync();
        using var response = await host.Client.GetAsync($"/v2/finetuning/tasks/{task}/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && line != "event: started")
        {
            line.ShouldNotStartWith(":");
        }

        var keptAlive = ReadToAsync(reader, ": keep-alive");
        while (!keptAlive.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }

        (await keptAlive).ShouldBeTrue();
        var ended = ReadToAsync(reader, "event: never");
        var stopped = host.StopAsync();
        while (!stopped.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await stopped;
        (await ended).ShouldBeFalse();
    }

    [Fact]
    public async Task A_cursor_that_is_no_number_is_refused()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, task) = await host.Client.TaskAsync();
        (await host.Client.GetJsonAsync($"/v2/finetuning/tasks/{task}/events?after=-1")).Text("message").ShouldContain("param[after]");
    }

    private static async Task<bool> ReadToAsync(StreamReader reader, string wanted)
    {
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line == wanted) return true;
        }

        return false;
    }
}
