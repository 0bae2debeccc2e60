using System.Net;
using System.Net.Http.Json;
using CsCheck;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Spending;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Tokens a month, runs at a time, bytes: nobody gets more than there is, and what is not used comes back.</summary>
public sealed class SpendingTests
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny";

    // A call of "hi" reserves 18 tokens for its prompt, and uses 5 for it and one for each character of the answer.
    private const int MostPrompt = 18;
    private static readonly int s_used = 5 + "qianfan-tiny: hi".Length;
    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];
    private static readonly DateTimeOffset s_start = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_hundred_callers_at_once_do_not_spend_more_than_there_is()
    {
        const int Limit = 500;
        await using var host = await PlatformHost.StartAsync(configure: Limits(tokens: Limit));
        var statuses = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => AskAsync(host.Client, 30)));

        statuses.ShouldAllBe(status => status == HttpStatusCode.OK || status == HttpStatusCode.TooManyRequests);
        var answered = statuses.Count(status => status == HttpStatusCode.OK);
        answered.ShouldBeGreaterThan(0);
        answered.ShouldBeLessThanOrEqualTo(Limit / s_used);
        var server = await host.Workers.NextServerAsync();
        server.Received.OfType<Generate>().Count().ShouldBe(answered);
        // What they did not use is there for those who come later, down to what one more may need.
        while (answered * s_used <= Limit - MostPrompt - 30)
        {
            if (await AskAsync(host.Client, 30) == HttpStatusCode.OK) answered++;
        }

        await SpentAsync(host, answered * s_used);
        (await AskAsync(host.Client, 30)).ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task An_empty_quota_is_told_in_each_apis_own_way()
    {
        await using var host = await PlatformHost.StartAsync(configure: Limits(tokens: 40));
        (await AskAsync(host.Client, 22)).ShouldBe(HttpStatusCode.OK);
        using (var openAI = await host.Client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_tokens = 22 }, Cancel))
        {
            openAI.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            openAI.Headers.GetValues("x-should-retry").Single().ShouldBe("false");
            var error = (await PlatformCalls.ReadAsync(openAI))["error"]!;
            (error.Text("code"), error.Text("type")).ShouldBe(("insufficient_quota", "insufficient_quota"));
            error.Text("message").ShouldContain("40 tokens a month");
        }

        using (var v2 = await host.Client.PostAsJsonAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_completion_tokens = 22 }, Cancel))
        {
            v2.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            (await PlatformCalls.ReadAsync(v2))["error"]!.Text("code").ShouldBe("insufficient_quota");
        }

        (await host.Client.PostAsync(V1, new { messages = s_hi, max_output_tokens = 22 }))["error_code"]!.GetValue<int>().ShouldBe(19);
        await SpentAsync(host, s_used);
        using var embedded = await host.Client.PostAsJsonAsync("/v1/embeddings", new { model = "qianfan-tiny", input = "a text" }, Cancel);
        embedded.StatusCode.ShouldBe(HttpStatusCode.OK);
        // Another owner's quota is another one, a second key of the owner's the same.
        using var other = host.OtherOwner();
        (await AskAsync(other, 200)).ShouldBe(HttpStatusCode.OK);
        using var reader = host.Reader();
        (await AskAsync(reader, 22)).ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task With_the_month_the_quota_begins_anew()
    {
        var time = new SettableClock(s_start);
        await using var host = await PlatformHost.StartAsync(time: time, configure: Limits(tokens: 40));
        (await AskAsync(host.Client, 22)).ShouldBe(HttpStatusCode.OK);
        (await AskAsync(host.Client, 22)).ShouldBe(HttpStatusCode.TooManyRequests);
        time.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        (await AskAsync(host.Client, 22)).ShouldBe(HttpStatusCode.TooManyRequests);
        time.Advance(TimeSpan.FromSeconds(1));

        (await AskAsync(host.Client, 22)).ShouldBe(HttpStatusCode.OK);
        await SpentAsync(host, s_used);
        await using var context = await ContextAsync(host);
        (await context.Budgets.OrderBy(budget => budget.Month).Select(budget => new { budget.Month, budget.Spent }).ToListAsync(Cancel)).ShouldBe([new { Month = 202601, Spent = (long)s_used }, new { Month = 202602, Spent = (long)s_used }]);
    }

    [Fact]
    public async Task What_a_client_reserved_that_went_away_is_free_again()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { AnswersAlone = false }, configure: Limits(tokens: 60));
        var server = await host.Workers.NextServerAsync();
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(new { model = "qianfan-tiny", stream = true, messages = s_hi, max_tokens = 30 }) })
        {
            server.SendPieces();
            using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
            (await AskAsync(host.Client, 30)).ShouldBe(HttpStatusCode.TooManyRequests);
        }

        await server.ExpectAsync<CancelRequest>();
        host.Workers.AnswersAlone = true;
        server.SendPieces();
        while (await AskAsync(host.Client, 30) != HttpStatusCode.OK) await PlatformCalls.BreatheAsync();
        await SpentAsync(host, 5 + 1 + s_used);
    }

    [Fact]
    public async Task What_is_spent_without_a_limit_counts_when_one_is_set()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        var time = new FakeTimeProvider(s_start);
        await using (var host = await PlatformHost.StartAsync(folder: folder, keepsFolder: true, time: time)) (await AskAsync(host.Client, 500)).ShouldBe(HttpStatusCode.OK);

        await using var limited = await PlatformHost.StartAsync(folder: folder, time: time, configure: Limits(tokens: MostPrompt + 22 + s_used - 1));
        (await AskAsync(limited.Client, 22)).ShouldBe(HttpStatusCode.TooManyRequests);
        (await AskAsync(limited.Client, 21)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_host_that_ends_gives_its_leases_back()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        var time = new FakeTimeProvider(s_start);
        await using (var host = await PlatformHost.StartAsync(folder: folder, keepsFolder: true, time: time, configure: Limits(tokens: 100)))
        {
            (await AskAsync(host.Client, 80)).ShouldBe(HttpStatusCode.OK);
            await using var context = await ContextAsync(host);
            (await context.Leases.SumAsync(lease => lease.Tokens, Cancel)).ShouldBe(98);
        }

        await using var next = await PlatformHost.StartAsync(folder: folder, time: time, configure: Limits(tokens: 100));
        await using var after = await ContextAsync(next);
        (await after.Leases.ToListAsync(Cancel)).ShouldBeEmpty();
        (await after.Budgets.SingleAsync(Cancel)).Spent.ShouldBe(s_used);
        (await AskAsync(next.Client, 100 - s_used - MostPrompt)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_lease_in_use_lives_on_and_one_that_nobody_uses_is_given_back()
    {
        var time = new FakeTimeProvider(s_start);
        await using var host = await PlatformHost.StartAsync();
        await using var context = await ContextAsync(host);
        var ledger = new Ledger(Contexts(host), time);
        using var purse = new Purse("a", 202601, ledger, time);
        using var other = new Purse("a", 202601, new Ledger(Contexts(host), time), time);
        (await purse.TryReserveAsync(98, 100, Cancel)).ShouldBeTrue();
        // Longer than a lease lives.
        for (var i = 0; i < 6; i++)
        {
            time.Advance(Ledger.LeaseLife / 4);
            await purse.SweepAsync(Cancel);
        }

        (await other.TryReserveAsync(3, 100, Cancel)).ShouldBeFalse();
        purse.Spend(98, 21);
        await ledger.SettleAsync(context, new Charge(purse, 21, true));
        purse.Settled(21);
        time.Advance(Ledger.LeaseLife / 4);
        await purse.SweepAsync(Cancel);

        (await other.TryReserveAsync(80, 100, Cancel)).ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(2));
        (await other.TryReserveAsync(79, 100, Cancel)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_dead_process_costs_its_lease_until_that_expires_and_no_longer()
    {
        var time = new FakeTimeProvider(s_start);
        await using var host = await PlatformHost.StartAsync();
        // It spent 30 of the 60 and died before it could settle them.
        using (var dead = new Purse("a", 202601, new Ledger(Contexts(host), time), time))
        {
            (await dead.TryReserveAsync(60, 100, Cancel)).ShouldBeTrue();
            dead.Spend(60, 30);
        }

        using var heir = new Purse("a", 202601, new Ledger(Contexts(host), time), time);
        (await heir.TryReserveAsync(41, 100, Cancel)).ShouldBeFalse();
        time.Advance(Ledger.LeaseLife - TimeSpan.FromTicks(1));
        (await heir.TryReserveAsync(41, 100, Cancel)).ShouldBeFalse();
        time.Advance(TimeSpan.FromTicks(1) + TimeSpan.FromSeconds(1));
        (await heir.TryReserveAsync(100, 100, Cancel)).ShouldBeTrue();
    }

    [Fact]
    public async Task Processes_that_share_an_account_do_not_overspend_it_together()
    {
        const int Limit = 1000;
        var time = new FakeTimeProvider(s_start);
        await using var host = await PlatformHost.StartAsync();
        var purses = Enumerable.Range(0, 4).Select(_ => new Purse("a", 202601, new Ledger(Contexts(host), time), time)).ToList();
        var taken = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i => await purses[i % 4].TryReserveAsync(1 + (i % 20), Limit, Cancel) ? 1 + (i % 20) : 0));

        taken.Sum().ShouldBeInRange(1, Limit);
        await using var context = await ContextAsync(host);
        (await context.Leases.SumAsync(lease => lease.Tokens, Cancel)).ShouldBeInRange(taken.Sum(), Limit);
        purses.ForEach(purse => purse.Dispose());
    }

    [Fact]
    public async Task Whatever_happens_to_a_purse_its_account_is_not_overspent()
    {
        const long Limit = 300;
        await using var host = await PlatformHost.StartAsync();
        var contexts = Contexts(host);
        var account = 0;
        // What to do, by which of two processes, with how many tokens.
        await Gen.Select(Gen.Int[0, 4], Gen.Int[0, 1], Gen.Int[1, 120]).Array[1, 25].SampleAsync(
            async steps =>
            {
                var time = new FakeTimeProvider(s_start);
                var name = "p" + Interlocked.Increment(ref account);
                var ledgers = Enumerable.Range(0, 2).Select(_ => new Ledger(contexts, time)).ToArray();
                var purses = ledgers.Select(ledger => new Purse(name, 202601, ledger, time)).ToArray();
                var held = new List<long>[] { [], [] };
                long spent = 0;
                foreach (var (step, who, tokens) in steps)
                {
                    var purse = purses[who];
                    switch (step)
                    {
                        case 0 or 1 when await purse.TryReserveAsync(tokens, Limit, Cancel):
                            held[who].Add(tokens);
                            break;
                        case 2 when held[who].Count > 0:
                            var used = Math.Min(tokens, held[who][0]);
                            purse.Spend(held[who][0], used);
                            held[who].RemoveAt(0);
                            spent += used;
                            await using (var context = await contexts.CreateDbContextAsync(Cancel)) await ledgers[who].SettleAsync(context, new Charge(purse, used, true));
                            purse.Settled(used);
                            break;
                        case 3:
                            await purse.SweepAsync(Cancel);
                            break;
                        case 4:
                            // Both live on: their leases are renewed before they expire.
                            time.Advance(TimeSpan.FromSeconds(2));
                            break;
                    }

                    (spent + held.Sum(list => list.Sum())).ShouldBeLessThanOrEqualTo(Limit);
                }

                await using var last = await contexts.CreateDbContextAsync(Cancel);
                (await Ledger.SpentAsync(last, name, 202601, Cancel)).ShouldBe(spent);
                foreach (var purse in purses) purse.Dispose();
            },
            iter: 40,
            threads: 1);
    }

    [Fact]
    public async Task Tasks_above_the_limit_wait_until_one_ends_and_others_pass_them()
    {
        await using var host = await PlatformHost.StartAsync(configure: options =>
        {
            Limits(runs: 1)(options);
            options.Trainer = false;
        });
        var (_, first) = await host.Client.TaskAsync();
        var (_, second) = await host.Client.TaskAsync();
        using var other = host.OtherOwner();
        var (_, others) = await other.TaskAsync();
        var queue = host.Services.GetRequiredService<TrainingQueue>();

        var running = await queue.ClaimAsync(Cancel);
        running!.PublicId.ShouldBe(first);
        (await queue.ClaimAsync(Cancel))!.PublicId.ShouldBe(others);
        (await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => queue.ClaimAsync(Cancel)))).ShouldAllBe(task => task == null);
        (await host.Client.DescribeTaskAsync(second)).Text("runStatus").ShouldBe("Waiting");
        (await QuotaAsync(host.Client))["runningRuns"]!.GetValue<int>().ShouldBe(1);

        await host.Services.GetRequiredService<TaskStore>().ChangeAsync(running.Id, task =>
        {
            task.State = TaskState.Done;
            return [];
        }, Cancel);
        (await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => queue.ClaimAsync(Cancel)))).OfType<TaskRow>().Single().PublicId.ShouldBe(second);
    }

    [Fact]
    public async Task Who_may_run_nothing_is_told_at_once()
    {
        await using var host = await PlatformHost.StartAsync(configure: Limits(runs: 0));
        var dataset = await host.Client.DatasetAsync();
        var job = (await host.Client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model = "qianfan-tiny", trainMode = "SFT" })).Result().Text("jobId");
        var refused = await host.Client.V2Async("finetuning", "CreateFineTuningTask", new
        {
            jobId = job,
            parameterScale = "FullFineTuning",
            hyperParameterConfig = new { epoch = 1 },
            datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = dataset } }, splitRatio = 20 },
        });
        refused.Text("code").ShouldBe("QuotaExceeded");
        var v1 = await host.Client.V1Async("finetune/createJob", new { taskId = job, trainType = "qianfan-tiny", trainMode = "SFT", peftType = "ALL", trainConfig = new { epoch = 1 }, trainset = new[] { new { type = 1, id = dataset } }, trainsetRate = 20 });
        v1["error_code"]!.GetValue<int>().ShouldBe(510402, v1.ToJsonString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_does_not_fit_is_refused_and_nothing_of_it_stays(bool chunked)
    {
        const int Limit = 200_000;
        await using var host = await PlatformHost.StartAsync(configure: Limits(storage: Limit));
        (await host.Client.UploadAsync(new string('x', 150_000))).ShouldStartWith("file-");
        using (var response = await UploadAsync(host.Client, 60_000, chunked))
        {
            response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
            (await PlatformCalls.ReadAsync(response))["error"]!.Text("code").ShouldBe("insufficient_quota");
        }

        Directory.EnumerateFiles(Path.Combine(host.Folder, "data", "files")).Count().ShouldBe(1);
        (await QuotaAsync(host.Client))["storageUsed"]!.GetValue<long>().ShouldBe(150_000);
        using (var fits = await UploadAsync(host.Client, 50_000, chunked)) fits.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var other = host.OtherOwner();
        using (var others = await UploadAsync(other, 60_000, chunked)) others.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Files_at_once_do_not_take_more_room_than_there_is()
    {
        const int Limit = 100_000;
        await using var host = await PlatformHost.StartAsync(configure: Limits(storage: Limit));
        var statuses = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            using var response = await UploadAsync(host.Client, 9_000, chunked: i % 2 == 0);
            return response.StatusCode;
        }));
        statuses.ShouldAllBe(status => status == HttpStatusCode.OK || status == HttpStatusCode.RequestEntityTooLarge);
        var kept = statuses.Count(status => status == HttpStatusCode.OK);
        kept.ShouldBeInRange(1, Limit / 9_000);
        (await QuotaAsync(host.Client))["storageUsed"]!.GetValue<long>().ShouldBe(kept * 9_000);
        Directory.EnumerateFiles(Path.Combine(host.Folder, "data", "files")).Count().ShouldBe(kept);
    }

    [Fact]
    public async Task Announced_uploads_and_imports_need_room_before_they_begin()
    {
        await using var host = await PlatformHost.StartAsync(configure: Limits(storage: 1000));
        var rows = string.Concat(Enumerable.Repeat("""{"prompt":"a","response":"b"}""" + "\n", 10));
        var file = await host.Client.UploadAsync(rows);
        var upload = (await host.Client.PostAsync("/v1/uploads", new { filename = "f", purpose = "fine-tune", bytes = 600 })).Text("id");
        using (var second = await host.Client.PostAsJsonAsync("/v1/uploads", new { filename = "f", purpose = "fine-tune", bytes = 200 }, Cancel)) second.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);

        var dataset = (await host.Client.V1Async("dataset/create", new { name = "rows", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" })).Result().Text("datasetId");
        using (var import = await host.Client.PostAsJsonAsync("/wenxinworkshop/dataset/import", new { datasetId = dataset, annotated = true, importFrom = 1, files = new[] { file } }, Cancel))
        {
            import.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
            (await PlatformCalls.ReadAsync(import))["code"]!.GetValue<int>().ShouldBe(4);
        }

        await host.Client.PostAsync($"/v1/uploads/{upload}/cancel", new { });
        (await host.Client.V1Async("dataset/import", new { datasetId = dataset, annotated = true, importFrom = 1, files = new[] { file } })).Result<bool>().ShouldBeTrue();
        (await host.Client.ImportedAsync(dataset))["importStatus"]!.GetValue<int>().ShouldBe(2);
        (await QuotaAsync(host.Client))["storageUsed"]!.GetValue<long>().ShouldBeGreaterThan(rows.Length);
    }

    [Fact]
    public async Task Usage_is_told_by_day_key_api_and_model_to_its_owner_alone()
    {
        var time = new SettableClock(s_start);
        await using var host = await PlatformHost.StartAsync(time: time);
        (await AskAsync(host.Client, 30)).ShouldBe(HttpStatusCode.OK);
        using (var reader = host.Reader()) await reader.PostAsync(V1, new { messages = s_hi });
        time.Advance(TimeSpan.FromDays(1));
        await host.Client.PostAsync("/v1/chat/completions", new { model = "nobodys", messages = s_hi });
        System.Text.Json.Nodes.JsonObject report;
        while ((report = await DescribeAsync(host.Client, new { startDate = "2026-01-31" }))["usageList"]!.AsArray().Count < 3) await PlatformCalls.BreatheAsync();

        report["usageList"]!.AsArray().Select(sum => (sum!.Text("date"), sum!.Text("accessKey"), sum!.Text("api"), sum!.Text("model"), sum!["callTotal"]!.GetValue<long>(), sum!["failureCallTotal"]!.GetValue<long>(), sum!["outputTokensTotal"]!.GetValue<long>())).ShouldBe(
        [
            ("2026-01-31", "ALTAKreader", "V1", "qianfan-tiny", 1, 0, s_used - 5),
            ("2026-01-31", PlatformHost.AccessKey, "OpenAI", "qianfan-tiny", 1, 0, s_used - 5),
            ("2026-02-01", PlatformHost.AccessKey, "OpenAI", "", 1, 1, 0),
        ], ignoreOrder: true);
        (await DescribeAsync(host.Client, new { }))["usageList"]!.AsArray().Count.ShouldBe(1);
        (await DescribeAsync(host.Client, new { startDate = "2026-01-31", endDate = "2026-01-31" }))["usageList"]!.AsArray().Count.ShouldBe(2);
        using var other = host.OtherOwner();
        (await DescribeAsync(other, new { startDate = "2026-01-31" }))["usageList"]!.AsArray().ShouldBeEmpty();
        foreach (var wrong in new object[] { new { startDate = "yesterday" }, new { startDate = "2026-02-02", endDate = "2026-02-01" }, new { startDate = "2020-01-01" } })
            (await host.Client.PostAsync("/v2/usage?Action=DescribeUsage", wrong)).Text("code").ShouldBe("InappropriateJSON");
    }

    private static Action<PlatformOptions> Limits(long? tokens = null, int? runs = null, long? storage = null) => options =>
    {
        options.Keys[0].TokensPerMonth = tokens;
        options.Keys[0].ConcurrentRuns = runs;
        options.Keys[0].StorageBytes = storage;
    };

    private static async Task<HttpStatusCode> AskAsync(HttpClient client, int maxTokens)
    {
        using var response = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_tokens = maxTokens }, Cancel);
        return response.StatusCode;
    }

    private static async Task<HttpResponseMessage> UploadAsync(HttpClient client, int bytes, bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/files") { Content = PlatformHost.Upload(new string('x', bytes)) };
        request.Headers.TransferEncodingChunked = chunked;
        return await client.SendAsync(request, Cancel);
    }

    private static async Task<System.Text.Json.Nodes.JsonObject> DescribeAsync(HttpClient client, object request) => (await client.PostAsync("/v2/usage?Action=DescribeUsage", request)).Result();

    private static async Task<System.Text.Json.Nodes.JsonNode> QuotaAsync(HttpClient client) => (await DescribeAsync(client, new { }))["quotaList"]!.AsArray().Single()!;

    /// <summary>Waits until so much is spent: a client has its answer a moment before the call's end.</summary>
    private static async Task SpentAsync(PlatformHost host, long tokens)
    {
        long spent;
        while ((spent = (await QuotaAsync(host.Client))["tokensUsed"]!.GetValue<long>()) < tokens) await PlatformCalls.BreatheAsync();
        spent.ShouldBe(tokens);
    }

    private static IDbContextFactory<PlatformDbContext> Contexts(PlatformHost host) => host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>();

    private static Task<PlatformDbContext> ContextAsync(PlatformHost host) => Contexts(host).CreateDbContextAsync(Cancel);
}
