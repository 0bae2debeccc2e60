using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Workers;
using Qianfan.Portal.Data;
using Qianfan.Portal.Tests.Runs;
using Qianfan.WorkerProtocol;

namespace Qianfan.Portal.Tests.Hosting;

/// <summary>The platform without the portal: no pages, no database of people, keys out of the settings.</summary>
public sealed class StandaloneTests
{
    private const string Key = "bce-v3/ALTAKalone/alone-secret-0123456789";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_trains_and_answers_and_has_nothing_of_the_portal()
    {
        using var folder = new TestFolder();
        var workers = new StubWorkers();
        await using var standalone = Start("platform,trainer", folder, workers);
        using var nobody = standalone.CreateClient();
        foreach (var health in new[] { Urls.Live, Urls.Ready }) (await nobody.GetAsync(health, Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK, health);
        foreach (var page in new[] { "/", Urls.Login, Urls.Setup, "/hubs/runs/negotiate", "/_blazor" }) (await nobody.GetAsync(page, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, page);
        standalone.Services.GetRequiredService<EndpointDataSource>().Endpoints.ShouldAllBe(endpoint => endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() == null);
        standalone.Services.GetService<IDbContextFactory<PortalDbContext>>().ShouldBeNull();

        using var client = Client(standalone);
        var job = await QueueAsync(client);
        workers.Trainers.Step(FakeTrainers.TotalSteps);
        var model = (await AwaitAsync(client, job, "succeeded")).GetString("fine_tuned_model");
        (await ChatAsync(client, model)).ShouldBe("echo: hi");

        nobody.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "bce-v3/ALTAKalone/another-secret-0123456789");
        (await nobody.GetAsync("/v1/models", Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        Directory.GetFiles(folder.Path, "portal.db*").ShouldBeEmpty();
    }

    /// <summary>One process holds a data folder at a time; in turn, each does its part.</summary>
    [Fact]
    public async Task Platform_and_trainer_take_turns_on_one_folder()
    {
        using var folder = new TestFolder();
        var workers = new StubWorkers();
        string job;
        await using (var platform = Start("platform", folder, workers))
        {
            using var client = Client(platform);
            job = await QueueAsync(client);
            await using var second = Start("trainer", folder, workers);
            Should.Throw<InvalidOperationException>(() => second.CreateClient()).Message.ShouldContain("Is another portal running on it?");
        }

        await using (var trainer = Start("trainer", folder, workers))
        {
            using var client = Client(trainer);
            (await client.GetAsync(Urls.Ready, Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
            (await client.GetAsync("/v1/models", Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
            workers.Trainers.Step(FakeTrainers.TotalSteps);
            await using var tasks = trainer.Get<IDbContextFactory<PlatformDbContext>>().CreateDbContext();
            while (!await tasks.Tasks.AsNoTracking().AnyAsync(task => task.State == TaskState.Done && task.FineTunedModel != null, Cancel)) await BreatheAsync();
        }

        await using (var platform = Start("platform", folder, workers))
        {
            using var client = Client(platform);
            (await ChatAsync(client, (await AwaitAsync(client, job, "succeeded")).GetString("fine_tuned_model"))).ShouldBe("echo: hi");
        }
    }

    [Fact]
    public async Task Without_keys_it_does_not_start()
    {
        using var folder = new TestFolder();
        await using var keyless = new PortalFactory { Roles = "platform,trainer", Bootstrap = false, Folder = folder.Path };
        Should.Throw<OptionsValidationException>(() => keyless.CreateClient()).Message.ShouldContain("Platform:Keys");
    }

    private static PortalFactory Start(string roles, TestFolder folder, StubWorkers workers)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder.Path, "engine", "models", "qianfan-tiny")).FullName;
        File.WriteAllText(Path.Combine(model, "qianfan.json"), """
            { "displayName": "Tiny", "description": "For tests", "contextLength": 512, "defaultParameterScale": "FullFineTuning", "parameterScales": { "FullFineTuning": { "epoch": { "default": 2, "min": 1, "max": 9 } } } }
            """);
        return new PortalFactory
        {
            Roles = roles,
            Bootstrap = false,
            Folder = folder.Path,
            Settings =
            {
                ["Platform:EngineDirectory"] = Path.Combine(folder.Path, "engine"),
                ["Platform:Keys:0:AccessKey"] = "ALTAKalone",
                ["Platform:Keys:0:SecretKey"] = "alone-secret-0123456789",
            },
            ConfigureServices = services => services.AddSingleton<IWorkerLauncher>(workers),
        };
    }

    private static HttpClient Client(PortalFactory standalone)
    {
        var client = standalone.CreateClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return client;
    }

    private static async Task<string> QueueAsync(HttpClient client)
    {
        using var rows = new MultipartFormDataContent
        {
            { new StringContent("fine-tune"), "purpose" },
            { new StringContent("""{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"""), "file", "rows.jsonl" },
        };
        using var uploaded = await client.PostAsync("/v1/files", rows, Cancel);
        using var made = await client.PostAsJsonAsync("/v1/fine_tuning/jobs", new { training_file = (await ReadAsync(uploaded)).GetString("id"), model = "qianfan-tiny" }, Cancel);
        return (await ReadAsync(made)).GetString("id");
    }

    private static async Task<JsonObject> AwaitAsync(HttpClient client, string job, string status)
    {
        while (true)
        {
            using var response = await client.GetAsync("/v1/fine_tuning/jobs/" + job, Cancel);
            var answer = await ReadAsync(response);
            if (answer.GetString("status") == status) return answer;
            answer.GetString("status").ShouldNotBe("failed", answer.ToJsonString());
            await BreatheAsync();
        }
    }

    private static async Task<string> ChatAsync(HttpClient client, string model)
    {
        using var response = await client.PostAsJsonAsync("/v1/chat/completions", new { model, messages = new[] { new { role = "user", content = "hi" } } }, Cancel);
        return (await ReadAsync(response))["choices"]![0]!["message"]!["content"]!.GetValue<string>();
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Cancel);
        response.IsSuccessStatusCode.ShouldBeTrue(text);
        return JsonNode.Parse(text)!.AsObject();
    }

    private static Task BreatheAsync() => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);

    /// <summary>Trainers that step when told, servers that echo.</summary>
    private sealed class StubWorkers : IWorkerLauncher
    {
        public FakeTrainers Trainers { get; } = new();

        public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null) => mode is WorkerMode.Serve ? new EchoServer() : Trainers.Launch(mode, arguments);
    }

    private sealed class EchoServer : IWorker
    {
        private readonly Channel<WorkerMessage> _output = Channel.CreateUnbounded<WorkerMessage>();
        private readonly TaskCompletionSource<WorkerExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EchoServer() => Say(new WorkerHello(WorkerLine.ProtocolVersion, "test", Environment.ProcessId, "serve"));

        public async ValueTask<WorkerMessage?> ReadAsync(CancellationToken cancellationToken) =>
            await _output.Reader.WaitToReadAsync(cancellationToken) && _output.Reader.TryRead(out var message) ? message : null;

        public bool TryRead(out WorkerMessage? message) => _output.Reader.TryRead(out message);

        public ValueTask SendAsync(HostMessage message, CancellationToken cancellationToken)
        {
            switch (message)
            {
                case LoadModel load:
                    Say(new ModelLoaded(load.RequestId, load.ModelKey, 512, 1000));
                    break;
                case Generate generate:
                    Say(new DecodeStep([new DecodedSlot(generate.RequestId, "echo: " + generate.Messages![^1].Content, 1, 1, "stop")]));
                    break;
                case Shutdown:
                    Kill();
                    break;
            }

            return ValueTask.CompletedTask;
        }

        public Task<WorkerExit> WaitAsync(CancellationToken cancellationToken) => _exit.Task.WaitAsync(cancellationToken);

        public void Kill()
        {
            _output.Writer.TryComplete();
            _exit.TrySetResult(new WorkerExit(0, ""));
        }

        public ValueTask DisposeAsync()
        {
            Kill();
            return ValueTask.CompletedTask;
        }

        private void Say(WorkerMessage message) => _output.Writer.TryWrite(message);
    }
}

file static class Json
{
    public static string GetString(this JsonObject json, string member) => json[member]!.GetValue<string>();
}
