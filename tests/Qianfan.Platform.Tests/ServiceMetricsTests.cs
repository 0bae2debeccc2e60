using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Data;
using Qianfan.Platform.Services;
using Qianfan.Platform.Tests.Support;
using Qianfan.Platform.Usage;

namespace Qianfan.Platform.Tests;

/// <summary>What services are asked is counted once, in the usage records, and told for any span of time.</summary>
public sealed class ServiceMetricsTests
{
    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    [Fact]
    public async Task Calls_tokens_and_failures_are_told_by_service_and_key()
    {
        await using var host = await PlatformHost.StartAsync();
        var service = await ServeAsync(host);
        for (var i = 0; i < 3; i++) await host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        await host.Reader().PostAsync("/v1/completions", new { model = service, prompt = "hi" });
        await host.Client.PostAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
        host.Workers.AnswersAlone = false;
        var server = await host.Workers.NextServerAsync();
        var failing = host.Client.PostAsync("/v2/chat/completions", new { model = "mine", messages = s_hi });
        while (server.Received.OfType<WorkerProtocol.Generate>().Count() < 6) await PlatformCalls.BreatheAsync();
        server.Die();
        (await failing)["error"]!.Text("code").ShouldBe("service_unavailable");

        var metrics = (await AskAsync(host.Client, "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", service)).Result();
        var told = metrics["serviceList"]!.AsArray().Single()!;
        told.Text("serviceId").ShouldBe(service);
        told.Text("serviceName").ShouldBe("s");
        var apps = told["appList"]!.AsArray().ToDictionary(app => app!.Text("appId"), app => app!["metric"]!);
        apps.Keys.ShouldBe(["ALTAKreader", PlatformHost.AccessKey]);
        var mine = apps[PlatformHost.AccessKey];
        mine["callTotal"]!.GetValue<int>().ShouldBe(4);
        mine["succeedCallTotal"]!.GetValue<int>().ShouldBe(3);
        mine["failureCallTotal"]!.GetValue<int>().ShouldBe(1);
        mine["inputTokensTotal"]!.GetValue<int>().ShouldBe(15);
        mine["outputTokensTotal"]!.GetValue<int>().ShouldBe(3 * "amv-000000000000: hi".Length);
        mine["tokensTotal"]!.GetValue<int>().ShouldBe(15 + (3 * "amv-000000000000: hi".Length));
        apps["ALTAKreader"]["callTotal"]!.GetValue<int>().ShouldBe(1);
        told["performance"]!["calls"]!.GetValue<int>().ShouldBe(4);

        // What failed last stands in the service's health.
        var health = (await host.Client.V2Async("service", "DescribeService", new { serviceId = service })).Result()["health"]!;
        health.Text("lastError").ShouldContain("started again");
        health.Text("lastErrorTime").ShouldEndWith("Z");

        using var other = host.OtherOwner();
        (await other.V2Async("service", "DescribeServiceMetric", new { startTime = "2020-01-01T00:00:00Z", endTime = "2999-01-01T00:00:00Z" })).Result()["serviceList"]!.AsArray().ShouldBeEmpty();
        var ofKey = (await host.Client.V2Async("service", "DescribeServiceMetric", new { startTime = "2020-01-01T00:00:00Z", endTime = "2999-01-01T00:00:00Z", appId = "ALTAKreader" })).Result();
        ofKey["serviceList"]![0]!["appList"]!.AsArray().Single()!.Text("appId").ShouldBe("ALTAKreader");
    }

    [Theory]
    [InlineData("yesterday", "2026-01-02T00:00:00Z", "startTime")]
    [InlineData("2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "endTime")]
    [InlineData("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "endTime")]
    public async Task A_wrong_span_is_named(string from, string to, string parameter)
    {
        await using var host = await PlatformHost.StartAsync();
        var refused = await AskAsync(host.Client, from, to, "svco-000000000000");
        refused.Text("code").ShouldBe("InappropriateJSON");
        refused.Text("message").ShouldContain($"param[{parameter}]");
    }

    [Fact]
    public async Task Every_span_tells_exactly_the_calls_that_began_in_it()
    {
        await using var host = await PlatformHost.StartAsync();
        var service = await ServeAsync(host);
        // A whole hour, not so long ago that the records have been dropped.
        var start = DateTimeOffset.FromUnixTimeSeconds((TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 - 24) * 3600);
        var minutes = Enumerable.Range(0, 40).Select(i => i * 37 % 301).Append(60).Append(119).ToList();
        var usage = host.Services.GetRequiredService<UsageWriter>();
        foreach (var minute in minutes)
            await usage.WriteAsync(new UsageRecord { OwnerId = "one", AccessKey = "k", ServiceId = service, Model = "mine", Status = minute % 5 == 0 ? 503 : 200, PromptTokens = minute, CompletionTokens = 1, Time = start.AddMinutes(minute) }, []);
        await Gen.Int[0, 300].Select(Gen.Int[1, 200]).SampleAsync(async (from, length) =>
        {
            var told = (await AskAsync(host.Client, Iso(start.AddMinutes(from)), Iso(start.AddMinutes(from + length)), service)).Result()["serviceList"]![0]!["appList"]!.AsArray();
            var expected = minutes.Where(minute => minute >= from && minute < from + length).ToList();
            if (expected.Count == 0)
            {
                told.ShouldBeEmpty();
                return;
            }

            var metric = told.Single()!["metric"]!;
            metric["callTotal"]!.GetValue<int>().ShouldBe(expected.Count);
            metric["failureCallTotal"]!.GetValue<int>().ShouldBe(expected.Count(minute => minute % 5 == 0));
            metric["inputTokensTotal"]!.GetValue<int>().ShouldBe(expected.Sum());
        }, iter: 60, threads: 1);
    }

    [Fact]
    public void Percentiles_are_values_that_so_many_are_not_above()
    {
        double[] values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        ServiceMetricsReader.Percentile(values, 0.5).ShouldBe(5);
        ServiceMetricsReader.Percentile(values, 0.95).ShouldBe(10);
        ServiceMetricsReader.Percentile(values, 0.9).ShouldBe(9);
        ServiceMetricsReader.Percentile([7], 0.01).ShouldBe(7);
    }

    private static Task<JsonObject> AskAsync(HttpClient client, string from, string to, string service) =>
        client.V2Async("service", "DescribeServiceMetric", new { startTime = from, endTime = to, serviceId = new[] { service } });

    private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<string> ServeAsync(PlatformHost host)
    {
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await host.Client.AwaitServiceAsync(service, "Serving");
        return service;
    }
}
