using System.Net;
using System.Net.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Data;
using Qianfan.Platform.Tests.Support;
using Qianfan.Platform.Usage;

namespace Qianfan.Platform.Tests;

/// <summary>Every inference call leaves a record, and its hour a sum.</summary>
public sealed class UsageTests
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";

    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    // The fake worker's prompt has 5 tokens, its answer one for each character.
    private const int Prompt = 5;
    private static readonly int s_answer = "qianfan-tiny: hi".Length;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_of_each_api_is_recorded_with_who_what_and_how_much()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 31, 23, 59, 0, TimeSpan.Zero));
        await using var host = await PlatformHost.StartAsync(time: time);
        await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
        await host.Client.PostAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
        using (var reader = host.Reader()) await reader.PostAsync(V1 + "chat/qianfan-tiny", new { messages = s_hi });
        await host.Client.PostAsync("/v2/embeddings", new { model = "qianfan-tiny", input = new[] { "one", "two" } });
        await host.Client.PostAsync(V1 + "tokenizer/erniebot", new { model = "qianfan-tiny", prompt = "one" });

        var records = await RecordsAsync(host, 5);
        records.Select(record => (record.Api, record.AccessKey, record.PromptTokens, record.CompletionTokens)).ShouldBe(
        [
            (ApiGeneration.OpenAI, PlatformHost.AccessKey, Prompt, s_answer),
            (ApiGeneration.V2, PlatformHost.AccessKey, Prompt, s_answer),
            (ApiGeneration.V1, "ALTAKreader", Prompt, s_answer),
            (ApiGeneration.V2, PlatformHost.AccessKey, 3, 0),
            (ApiGeneration.V1, PlatformHost.AccessKey, 3, 0),
        ]);
        records.ShouldAllBe(record => record.OwnerId == "one" && record.Model == "qianfan-tiny" && record.ServiceId == "" && record.Status == 200 && record.Time == time.GetUtcNow());
        records[0].FirstTokenMilliseconds.ShouldBe(0);
    }

    [Fact]
    public async Task A_record_is_stored_as_it_is()
    {
        await using var host = await PlatformHost.StartAsync();
        var records = new[] { (int?)7, null }.Select((first, index) => new UsageRecord
        {
            OwnerId = "one", AccessKey = "key", Api = ApiGeneration.OpenAI, Model = "'; DROP TABLE \"字\"", ServiceId = "svco-1", Status = 499,
            PromptTokens = long.MaxValue, CompletionTokens = 2, CachedTokens = 3, FirstTokenMilliseconds = first, Milliseconds = 9, Time = new DateTimeOffset(2026, 1, 31, 23, 59, 59, TimeSpan.Zero).AddTicks(1 + index),
        }).ToList();
        var contexts = host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>();
        await using (var context = await contexts.CreateDbContextAsync(Cancel))
        {
            await using var transaction = await context.Database.BeginTransactionAsync(Cancel);
            await context.InsertAsync(records, Cancel);
            await transaction.CommitAsync(Cancel);
        }

        var stored = await RecordsAsync(host, 2);
        stored.Select(record => record.Id).ShouldBe([1, 2]);
        foreach (var property in typeof(UsageRecord).GetProperties().Where(property => property.Name != nameof(UsageRecord.Id)))
            stored.Select(property.GetValue).ShouldBe(records.Select(property.GetValue), property.Name);
    }

    [Fact]
    public async Task A_service_is_recorded_with_its_id_and_endpoint_and_a_prompt_counts_once_for_all_its_answers()
    {
        await using var host = await PlatformHost.StartAsync();
        var (job, task) = await host.Client.TaskAsync();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await host.Client.AwaitServiceAsync(service, "Serving");

        var answer = await host.Client.PostAsync("/v1/chat/completions", new { model = "mine", messages = s_hi, n = 3 });

        var record = (await RecordsAsync(host)).Single();
        (record.ServiceId, record.Model).ShouldBe((service, "mine"));
        record.PromptTokens.ShouldBe(Prompt);
        record.PromptTokens.ShouldBe(answer["usage"]!["prompt_tokens"]!.GetValue<int>());
        record.CompletionTokens.ShouldBe(answer["usage"]!["completion_tokens"]!.GetValue<int>());
    }

    [Fact]
    public async Task What_fails_is_recorded_with_its_status_and_without_what_nobody_resolved()
    {
        await using var host = await PlatformHost.StartAsync();
        await host.Client.PostAsync("/v1/chat/completions", new { model = "nobodys", messages = s_hi });
        await host.Client.PostAsync(V1 + "chat/nobodys", new { messages = s_hi });
        await host.Client.PostAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = "hi" });
        using (var stranger = host.CreateClient("bce-v3/ALTAKnobody/secret-0123456789abcdef")) await stranger.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });

        var records = await RecordsAsync(host, 3);
        records.Select(record => (record.Api, record.Status, record.Model)).ShouldBe([(ApiGeneration.OpenAI, 404, ""), (ApiGeneration.V1, 404, ""), (ApiGeneration.V2, 400, "")]);
        records.ShouldAllBe(record => record.PromptTokens == 0 && record.CompletionTokens == 0 && record.FirstTokenMilliseconds == null);
    }

    [Fact]
    public async Task A_client_that_goes_away_has_used_what_it_was_sent()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        server.SendPieces(2);
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(new { model = "qianfan-tiny", stream = true, messages = s_hi }) })
        using (var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancel));
            for (var pieces = 0; pieces < 2;)
            {
                if ((await reader.ReadLineAsync(Cancel))!.Contains("\"content\":\"", StringComparison.Ordinal)) pieces++;
            }
        }

        await server.ExpectAsync<WorkerProtocol.CancelRequest>();
        server.SendPieces();
        var record = (await RecordsAsync(host)).Single();
        record.Status.ShouldBe(499);
        record.PromptTokens.ShouldBe(Prompt);
        record.CompletionTokens.ShouldBeInRange(1, 2);
    }

    [Fact]
    public async Task A_stream_that_breaks_has_failed_though_it_had_begun()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false });
        var server = await host.Workers.NextServerAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(new { model = "qianfan-tiny", stream = true, messages = s_hi }) };
        server.SendPieces();
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        server.Die();
        await response.Content.ReadAsStringAsync(Cancel);

        var record = (await RecordsAsync(host)).Single();
        record.Status.ShouldBe((int)HttpStatusCode.ServiceUnavailable);
        (record.PromptTokens, record.CompletionTokens).ShouldBe((Prompt, 1));
    }

    [Fact]
    public async Task Sums_are_those_of_the_records_hour_by_hour()
    {
        var time = new SettableClock(new DateTimeOffset(2026, 1, 1, 12, 30, 0, TimeSpan.Zero));
        await using var host = await PlatformHost.StartAsync(time: time);
        for (var hour = 0; hour < 2; hour++)
        {
            for (var call = 0; call < 3; call++)
            {
                await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
                if (call == 1) await FlushAsync(host);
            }

            await host.Client.PostAsync("/v1/chat/completions", new { model = "nobodys", messages = s_hi });
            await RecordsAsync(host, 4 * (hour + 1));
            time.Advance(TimeSpan.FromHours(1));
        }

        await using var context = await ContextAsync(host);
        var sums = await context.UsageHours.OrderBy(sum => sum.Hour).ThenBy(sum => sum.Model).ToListAsync(Cancel);
        sums.Select(sum => (sum.Hour.Hour, sum.Model, sum.Calls, sum.FailedCalls, sum.PromptTokens, sum.CompletionTokens)).ShouldBe(
        [
            (12, "", 1, 1, 0, 0), (12, "qianfan-tiny", 3, 0, 3 * Prompt, 3 * s_answer),
            (13, "", 1, 1, 0, 0), (13, "qianfan-tiny", 3, 0, 3 * Prompt, 3 * s_answer),
        ]);
        sums[^1].LastAt.ShouldBe(new DateTimeOffset(2026, 1, 1, 13, 30, 0, TimeSpan.Zero));
    }

    [Fact]
    public async Task Old_records_go_their_sums_stay()
    {
        var time = new SettableClock(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var host = await PlatformHost.StartAsync(time: time, configure: options => options.UsageRecordLife = TimeSpan.FromDays(1));
        await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
        (await RecordsAsync(host)).Count.ShouldBe(1);
        time.Advance(TimeSpan.FromHours(25));
        await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });

        while ((await RecordsAsync(host)).Single().Time != time.GetUtcNow()) await PlatformCalls.BreatheAsync();
        await using var context = await ContextAsync(host);
        (await context.UsageHours.SumAsync(sum => sum.Calls, Cancel)).ShouldBe(2);
    }

    [Fact]
    public async Task What_was_called_before_the_host_ends_is_there_after_its_next_start()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        var time = new FakeTimeProvider();
        await using (var host = await PlatformHost.StartAsync(folder: folder, keepsFolder: true, time: time))
        {
            // The clock stands still, so nothing is written before the host is told to end.
            for (var call = 0; call < 5; call++) await host.Client.PostAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi });
            await using var context = await ContextAsync(host);
            (await context.UsageRecords.CountAsync(Cancel)).ShouldBe(0);
        }

        await using var next = await PlatformHost.StartAsync(folder: folder, time: time);
        (await RecordsAsync(next, 5)).Count.ShouldBe(5);
    }

    private static Task FlushAsync(PlatformHost host) => host.Services.GetRequiredService<UsageWriter>().FlushAsync(Cancel);

    private static Task<PlatformDbContext> ContextAsync(PlatformHost host) => host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>().CreateDbContextAsync(Cancel);

    /// <summary>The records once there are as many: a client has its answer a moment before the call's end is recorded.</summary>
    private static async Task<IReadOnlyList<UsageRecord>> RecordsAsync(PlatformHost host, int count = 1)
    {
        while (true)
        {
            await FlushAsync(host);
            await using var context = await ContextAsync(host);
            var records = await context.UsageRecords.AsNoTracking().OrderBy(record => record.Id).ToListAsync(Cancel);
            if (records.Count >= count) return records;
            await PlatformCalls.BreatheAsync();
        }
    }
}
