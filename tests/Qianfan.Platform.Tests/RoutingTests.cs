using System.Data.Common;
using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Data;
using Qianfan.Platform.Services;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Calls find their service in memory, and never one that has changed meanwhile.</summary>
public sealed class RoutingTests
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";

    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_runs_no_query()
    {
        var commands = new RequestCommands();
        await using var host = await PlatformHost.StartAsync(services: commands.AddTo);
        var (set, version) = await host.Client.ModelAsync();
        var service = await ServeAsync(host.Client, set, version);
        commands.Forget();
        var number = (await host.Client.V1Async("service/detail", new { serviceId = service })).Result()["id"]!.ToString();
        commands.Texts.ShouldNotBeEmpty();
        await ChatAsync(host.Client, "mine");

        commands.Forget();
        foreach (var name in new[] { "mine", service, number, "qianfan-tiny" })
        {
            foreach (var api in new[] { "/v1", "/v2" })
            {
                (await host.Client.PostAsync(api + "/chat/completions", new { model = name, messages = s_hi })).ContainsKey("choices").ShouldBeTrue(name);
                await host.Client.ChunksAsync(api + "/chat/completions", new { model = name, messages = s_hi, stream = true });
                (await host.Client.PostAsync(api + "/completions", new { model = name, prompt = "hi" })).ContainsKey("choices").ShouldBeTrue(name);
                (await host.Client.PostAsync(api + "/embeddings", new { model = name, input = "hi" })).ContainsKey("data").ShouldBeTrue(name);
            }

            (await host.Client.PostAsync($"{V1}chat/{name}", new { messages = s_hi })).ContainsKey("result").ShouldBeTrue(name);
        }

        (await host.Client.PostAsync("/v1/chat/completions", new { model = "none", messages = s_hi }))["error"]!.Text("code").ShouldBe("model_not_found");
        commands.Texts.ShouldBeEmpty();
    }

    [Fact]
    public async Task Whatever_changes_is_seen_by_the_next_call()
    {
        await using var host = await PlatformHost.StartAsync();
        using var other = host.OtherOwner();
        var (set, version) = await host.Client.ModelAsync();
        var (otherSet, otherVersion) = await host.Client.ModelAsync(name: "m_other");
        await RefusedAsync(host.Client, HttpStatusCode.NotFound);
        var service = await ServeAsync(host.Client, set, version);
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{version}: hi");
        await RefusedAsync(other, HttpStatusCode.NotFound);

        await ChangeAsync("StopService");
        await RefusedAsync(host.Client, HttpStatusCode.ServiceUnavailable);
        await ChangeAsync("StartService");
        await host.Client.AwaitServiceAsync(service, "Serving");
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{version}: hi");

        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = otherSet, modelId = otherVersion });
        await host.Client.AwaitServiceAsync(service, "Serving");
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{otherVersion}: hi");
        await ChangeAsync("RollbackService");
        await host.Client.AwaitServiceAsync(service, "Serving");
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{version}: hi");

        host.Workers.BrokenModels[otherVersion] = "it is broken";
        await ChangeAsync("StopService");
        await host.Client.V2Async("service", "ModifyService", new { serviceId = service, modelSetId = otherSet, modelId = otherVersion });
        await ChangeAsync("StartService");
        await host.Client.AwaitServiceAsync(service, "Failed");
        (await RefusedAsync(host.Client, HttpStatusCode.ServiceUnavailable)).ShouldContain("it is broken");

        // The name goes to another service, also to one of another owner's.
        await ChangeAsync("DeleteService");
        await RefusedAsync(host.Client, HttpStatusCode.NotFound);
        var successor = await ServeAsync(host.Client, set, version);
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{version}: hi");
        (await RefusedAsync(host.Client, HttpStatusCode.NotFound, service)).ShouldContain(service);
        (await ChatAsync(host.Client, successor)).ShouldBe($"{version}: hi");
        await RefusedAsync(other, HttpStatusCode.NotFound, successor);
        var (theirSet, theirs) = await other.ModelAsync();
        await ServeAsync(other, theirSet, theirs);
        (await ChatAsync(other, "mine")).ShouldBe($"{theirs}: hi");
        (await ChatAsync(host.Client, "mine")).ShouldBe($"{version}: hi");

        async Task ChangeAsync(string action) => (await host.Client.V2Async("service", action, new { serviceId = service })).ContainsKey("result").ShouldBeTrue(action);
    }

    [Fact]
    public async Task Nothing_is_remembered_while_a_change_is_under_way()
    {
        await using var host = await PlatformHost.StartAsync();
        var (set, version) = await host.Client.ModelAsync();
        await ServeAsync(host.Client, set, version);
        var directory = host.Services.GetRequiredService<ServiceDirectory>();
        foreach (var fails in new[] { true, false })
        {
            var (changed, mayEnd) = (Signal(), Signal());
            var changing = directory.ChangeAsync(
                async context =>
                {
                    await StopAllAsync(context);
                    changed.SetResult();
                    await mayEnd.Task;
                    return fails ? throw new InvalidOperationException("on purpose") : true;
                }, Cancel);
            await changed.Task;
            (await StateAsync()).ShouldBe(ServiceState.Serving);
            mayEnd.SetResult();
            if (fails) (await Should.ThrowAsync<InvalidOperationException>(() => changing)).Message.ShouldBe("on purpose");
            else await changing;
            (await StateAsync()).ShouldBe(fails ? ServiceState.Serving : ServiceState.Stopped);
        }

        async Task<ServiceState> StateAsync() => (await directory.FindAsync("one", "mine", Cancel))!.State;
    }

    [Fact]
    public async Task What_was_read_before_a_change_is_not_remembered_after_it()
    {
        var reads = new HeldReads();
        await using var host = await PlatformHost.StartAsync(services: services => services.ConfigureDbContext<PlatformDbContext>(context => context.AddInterceptors(reads)));
        var (set, version) = await host.Client.ModelAsync();
        await ServeAsync(host.Client, set, version);
        var directory = host.Services.GetRequiredService<ServiceDirectory>();
        reads.Hold();
        var reading = directory.FindAsync("one", "mine", Cancel);
        await reads.Holding;
        await directory.ChangeAsync(StopAllAsync, Cancel);
        reads.Release();
        // It began before the change, and may have seen either.
        (await reading).ShouldNotBeNull();
        (await directory.FindAsync("one", "mine", Cancel))!.State.ShouldBe(ServiceState.Stopped);
    }

    private static Task<int> StopAllAsync(PlatformDbContext context) => context.Services.ExecuteUpdateAsync(set => set.SetProperty(row => row.State, ServiceState.Stopped), Cancel);

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task<string> ServeAsync(HttpClient client, string set, string version)
    {
        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await client.AwaitServiceAsync(service, "Serving");
        return service;
    }

    private static async Task<string> ChatAsync(HttpClient client, string model)
    {
        var answer = await client.PostAsync("/v1/chat/completions", new { model, messages = s_hi });
        return answer["choices"] is { } choices ? choices[0]!["message"]!.Text("content") : throw new InvalidOperationException(answer.ToJsonString());
    }

    private static async Task<string> RefusedAsync(HttpClient client, HttpStatusCode status, string model = "mine")
    {
        using var response = await client.PostAsync("/v1/chat/completions", System.Net.Http.Json.JsonContent.Create(new { model, messages = s_hi }), Cancel);
        response.StatusCode.ShouldBe(status);
        return (await PlatformCalls.ReadAsync(response))["error"]!.Text("message");
    }

    /// <summary>Holds the next reading of an owner's services between the database and whoever asked.</summary>
    private sealed class HeldReads : DbCommandInterceptor
    {
        private readonly TaskCompletionSource _holding = Signal();
        private readonly TaskCompletionSource _release = Signal();
        private bool _armed;

        public Task Holding => _holding.Task;

        public void Hold() => _armed = true;

        public void Release() => _release.SetResult();

        public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
        {
            if (_armed && command.CommandText.Contains("FROM \"Services\"", StringComparison.Ordinal) && _holding.TrySetResult()) await _release.Task;
            return result;
        }
    }
}
