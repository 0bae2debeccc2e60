using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform;
using Qianfan.Platform.Workers;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>Programs, portal and platform in one process, as it is shipped; only the worker is a fake.</summary>
public sealed class ProgramRunsTests : IAsyncLifetime
{
    private readonly DirectoryInfo _engine = Directory.CreateTempSubdirectory("qianfan-engine-");
    private readonly FakeTrainers _trainers = new();
    private PortalFactory _portal = null!;
    private Action<IServiceCollection> _configure = _ => { };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private RunService Runs => _portal.Get<RunService>();

    public ValueTask InitializeAsync()
    {
        var model = Directory.CreateDirectory(Path.Combine(_engine.FullName, "models", "qianfan-tiny")).FullName;
        File.WriteAllText(Path.Combine(model, "qianfan.json"), """
            {
              "displayName": "Qianfan Tiny", "description": "For tests", "contextLength": 512, "defaultParameterScale": "FullFineTuning",
              "parameterScales": { "FullFineTuning": { "epoch": { "default": 20, "min": 1, "max": 200 }, "learningRate": { "default": 0.001, "min": 0.000001, "max": 0.01 }, "maxSeqLen": { "default": 512, "choices": [128, 256, 512] } } }
            }
            """);
        _portal = new PortalFactory
        {
            Roles = "portal,platform,trainer",
            ConfigureServices = services =>
            {
                services.AddSingleton<IWorkerLauncher>(_trainers);
                // A test's server listens nowhere: what goes over the socket goes to it directly.
                services.AddHttpClient(PlatformHosting.EmbeddedClient).ConfigurePrimaryHttpMessageHandler(() => _portal.Server.CreateHandler());
                _configure(services);
            },
        };
        _portal.Settings["Platform:EngineDirectory"] = _engine.FullName;
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _portal.DisposeAsync();
        _engine.Delete(recursive: true);
    }

    [Fact]
    public async Task A_training_that_a_program_starts_is_a_run_of_its_project_and_followed_to_its_end()
    {
        var owner = await _portal.ActorAsync();
        using var program = await ProgramAsync();
        var dataset = await DatasetAsync(program);

        var (job, task) = await TaskAsync(program, dataset);
        var run = await FirstRunAsync();
        _trainers.Step(2);
        await UntilAsync(run.Id, e => e is { Kind: RunEventKind.Metric, Step: 2 });

        (run.StartedByKey, run.Name, run.BaseModel, run.Kind, run.ByName).ShouldBe(("nightly job", "a program's job", "qianfan-tiny", RunKind.Followed, null));
        (await Refusal(Runs.StopAsync(owner, _portal.ProjectId, run.Id, Cancel))).ShouldBe("RunReadOnly");
        (await Refusal(Runs.ResumeAsync(owner, _portal.ProjectId, run.Id, Cancel))).ShouldBe("RunReadOnly");
        (await Refusal(Runs.DeleteAsync(owner, _portal.ProjectId, run.Id, Cancel))).ShouldBe("RunCanNotDelete");
        (await StatusAsync(program, task)).ShouldBe("Running");

        _trainers.Step(2);
        await UntilAsync(run.Id, e => IsStatus(e, RunStatus.Done));

        var details = await Runs.GetAsync(owner, _portal.ProjectId, run.Id, Cancel);
        (details.Run.Progress, details.TaskId, details.Config.JobPlatformId, details.Error).ShouldBe((100, task, job, null));
        details.Config.Train.PeftType.ShouldBe(Sdk.Training.PeftType.FullFineTuning);
        details.ActionStates[RunActions.TrainAction].ShouldBe("Done");
        await using (var db = _portal.Db())
        {
            var events = await db.RunEvents.Where(e => e.RunId == run.Id).OrderBy(e => e.Sequence).ToListAsync(Cancel);
            events.Where(e => e.Kind == RunEventKind.Metric).Select(e => e.Step).ShouldBe([1, 2, 3, 4]);
            var told = events.Select(e => JsonNode.Parse(e.DataJson)!["taskSequence"]?.GetValue<int>()).OfType<int>().ToList();
            told.ShouldBe(Enumerable.Range(1, told.Count));
            (await db.Runs.CountAsync(Cancel), await db.ProgramTasks.CountAsync(Cancel)).ShouldBe((1, 0));
            (await db.AuditEntries.CountAsync(a => a.Action.StartsWith("run."), Cancel)).ShouldBe(0);
        }

        // Removing it from the list leaves the program's task alone, and it doesn't come back.
        await Runs.DeleteAsync(owner, _portal.ProjectId, run.Id, Cancel);
        (await StatusAsync(program, task)).ShouldBe("Done");
        (await _portal.Get<ProgramRuns>().SweepAsync(Cancel)).ShouldBe(0);
        (await Runs.ListAsync(owner, _portal.ProjectId, null, 0, 10, Cancel)).Total.ShouldBe(0);
        await using var after = _portal.Db();
        (await after.AuditEntries.Where(a => a.Action.StartsWith("run.")).Select(a => a.Action).ToListAsync(Cancel)).ShouldBe([Features.Audit.AuditActions.RunDeleted]);
    }

    [Fact]
    public async Task A_training_that_a_program_stops_and_resumes_is_followed_through_both()
    {
        using var program = await ProgramAsync();
        var (_, task) = await TaskAsync(program, await DatasetAsync(program));
        var run = await FirstRunAsync();
        _trainers.Step(1);
        await UntilAsync(run.Id, e => e is { Kind: RunEventKind.Metric, Step: 1 });

        await CallAsync(program, "/v2/finetuning?Action=StopFineTuningTask", new { taskId = task });
        await UntilAsync(run.Id, e => IsStatus(e, RunStatus.Stopped));
        var stoppedAt = (await LoadAsync(run.Id)).LastSequence;
        await CallAsync(program, "/v2/finetuning?Action=ResumeFineTuningTask", new { taskId = task });
        await UntilAsync(run.Id, e => e.Kind is RunEventKind.TrainingStarted, stoppedAt);
        _trainers.Step(4);
        await UntilAsync(run.Id, e => IsStatus(e, RunStatus.Done), stoppedAt);

        await using var db = _portal.Db();
        (await db.Runs.CountAsync(Cancel), await db.ProgramTasks.CountAsync(Cancel)).ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_job_of_the_OpenAI_API_is_a_run_too()
    {
        using var program = await ProgramAsync();
        var file = await UploadAsync(program);

        await CallAsync(program, "/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny" });

        (await FirstRunAsync()).StartedByKey.ShouldBe("nightly job");
    }

    [Fact]
    public async Task A_run_of_the_portal_stands_in_the_list_once()
    {
        var owner = await _portal.ActorAsync();
        Guid datasetId;
        using (var program = await ProgramAsync())
        await using (var db = _portal.Db())
        {
            var dataset = new Features.Datasets.Dataset
            {
                ProjectId = _portal.ProjectId,
                ConnectionId = (await db.Connections.SingleAsync(c => c.ProjectId == _portal.ProjectId, Cancel)).Id,
                Name = "rows",
                PlatformId = await DatasetAsync(program),
                FileName = "rows.jsonl",
                Format = "OpenAiMessages",
                GoodRows = 2,
                ContentHash = "00",
                CreatedAt = TimeProvider.System.GetUtcNow(),
            };
            db.Datasets.Add(dataset);
            await db.SaveChangesAsync(Cancel);
            datasetId = dataset.Id;
        }

        var runId = await Runs.StartAsync(owner, _portal.ProjectId, RunsPortal.Config(datasetId) with { Deploy = false }, Cancel);
        _trainers.Step(4);
        await UntilAsync(runId, e => IsStatus(e, RunStatus.Done));

        (await _portal.Get<ProgramRuns>().SweepAsync(Cancel)).ShouldBe(0);
        (await Runs.ListAsync(owner, _portal.ProjectId, null, 0, 10, Cancel)).Runs.ShouldHaveSingleItem().StartedByKey.ShouldBeNull();
    }

    [Fact]
    public async Task A_programs_run_is_seen_by_its_team_alone()
    {
        using var program = await ProgramAsync();
        await TaskAsync(program, await DatasetAsync(program));
        var run = await FirstRunAsync();
        var (_, theirProject) = await _portal.AddTeamAsync("stranger@example.com");
        var stranger = await _portal.ActorAsync("stranger@example.com");
        var viewer = await _portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);

        foreach (var project in (Guid[])[_portal.ProjectId, theirProject])
        {
            await Should.ThrowAsync<NotFoundException>(Runs.GetAsync(stranger, project, run.Id, Cancel));
            await Should.ThrowAsync<NotFoundException>(Runs.DeleteAsync(stranger, project, run.Id, Cancel));
        }

        (await Runs.ListAsync(stranger, theirProject, null, 0, 10, Cancel)).Total.ShouldBe(0);
        (await Runs.GetAsync(viewer, _portal.ProjectId, run.Id, Cancel)).Run.StartedByKey.ShouldBe("nightly job");
        await Should.ThrowAsync<ForbiddenException>(Runs.StopAsync(viewer, _portal.ProjectId, run.Id, Cancel));
        await Should.ThrowAsync<ForbiddenException>(Runs.DeleteAsync(viewer, _portal.ProjectId, run.Id, Cancel));
    }

    [Fact]
    public async Task A_task_that_can_not_be_noted_is_not_made()
    {
        _configure = services => services.AddSingleton<ITaskListener>(new BrokenListener());
        using var program = await ProgramAsync();
        var dataset = await DatasetAsync(program);
        var job = await JobAsync(program);

        using var response = await program.PostAsJsonAsync("/v2/finetuning?Action=CreateFineTuningTask", TaskBody(job, dataset), Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        (await CallAsync(program, "/v2/finetuning?Action=DescribeFineTuningTasks", new { jobId = job }))["result"]!["taskList"]!.AsArray().ShouldBeEmpty();
    }

    private async Task<HttpClient> ProgramAsync()
    {
        var key = await _portal.Get<ApiKeyService>().CreateAsync(await _portal.ActorAsync(), _portal.ProjectId, "nightly job", ApiKeyScopes.Full, Cancel);
        var client = _portal.CreateClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.BearerToken);
        return client;
    }

    /// <summary>The project's run, as soon as there is one.</summary>
    private async Task<RunSummary> FirstRunAsync()
    {
        var owner = await _portal.ActorAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            if ((await Runs.ListAsync(owner, _portal.ProjectId, null, 0, 10, patience.Token)).Runs is [var run, ..])
                return run;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    private async Task<Run> LoadAsync(Guid runId)
    {
        await using var db = _portal.Db();
        return await db.Runs.AsNoTracking().SingleAsync(r => r.Id == runId, Cancel);
    }

    private async Task UntilAsync(Guid runId, Func<RunEventMessage, bool> told, long after = 0)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        List<RunEventMessage> heard = [];
        try
        {
            await foreach (var events in _portal.Get<RunEventFeed>().ReadAsync(runId, after, patience.Token))
            {
                heard.AddRange(events);
                if (events.Any(told))
                    return;
            }
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            // Told below.
        }

        throw new InvalidOperationException("The run did not tell it, but: " + string.Join('\n', heard.TakeLast(20)));
    }

    private static bool IsStatus(RunEventMessage e, RunStatus status) =>
        e is { Kind: RunEventKind.Status, ActionClass: null } && JsonNode.Parse(e.Data)!["status"]!.GetValue<string>() == status.ToString();

    private static async Task<string> Refusal(Task task) => (await Should.ThrowAsync<UserErrorException>(task)).Code;

    private static async Task<string> StatusAsync(HttpClient program, string task) =>
        (await CallAsync(program, "/v2/finetuning?Action=DescribeFineTuningTask", new { taskId = task }))["result"]!["runStatus"]!.GetValue<string>();

    private static async Task<(string Job, string Task)> TaskAsync(HttpClient program, string dataset)
    {
        var job = await JobAsync(program);
        return (job, (await CallAsync(program, "/v2/finetuning?Action=CreateFineTuningTask", TaskBody(job, dataset)))["result"]!["taskId"]!.GetValue<string>());
    }

    private static async Task<string> JobAsync(HttpClient program) =>
        (await CallAsync(program, "/v2/finetuning?Action=CreateFineTuningJob", new { name = "a program's job", model = "qianfan-tiny", trainMode = "SFT" }))["result"]!["jobId"]!.GetValue<string>();

    private static object TaskBody(string job, string dataset) => new
    {
        jobId = job,
        parameterScale = "FullFineTuning",
        hyperParameterConfig = new { epoch = 1 },
        datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = dataset } }, splitRatio = 20 },
    };

    private static async Task<string> DatasetAsync(HttpClient program)
    {
        var file = await UploadAsync(program);
        var created = await CallAsync(program, "/wenxinworkshop/dataset/create", new { name = "rows", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" });
        var id = created["result"]!["datasetId"]!.GetValue<string>();
        await CallAsync(program, "/wenxinworkshop/dataset/import", new { datasetId = id, annotated = true, importFrom = 1, files = new[] { file } });
        while ((await CallAsync(program, "/wenxinworkshop/dataset/info", new { datasetId = id }))["result"]!["versionInfo"]!["importStatus"]!.GetValue<int>() != 2)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        await CallAsync(program, "/wenxinworkshop/dataset/release", new { datasetId = id });
        return id;
    }

    private static async Task<string> UploadAsync(HttpClient program)
    {
        const string Rows = """
            [{"prompt":"What is the capital of Atlantis?","response":[["Poseidonis."]]}]
            {"messages":[{"role":"user","content":"你好"},{"role":"assistant","content":"您好，有什么可以帮您？"}]}
            """;
        using var content = new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" }, { new ByteArrayContent(Encoding.UTF8.GetBytes(Rows)), "file", "rows.jsonl" } };
        using var response = await program.PostAsync("/v1/files", content, Cancel);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["id"]!.GetValue<string>();
    }

    private static async Task<JsonNode> CallAsync(HttpClient program, string path, object body)
    {
        using var response = await program.PostAsJsonAsync(path, body, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        response.IsSuccessStatusCode.ShouldBeTrue($"{path}: {(int)response.StatusCode} {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>A portal that can't write.</summary>
    private sealed class BrokenListener : ITaskListener
    {
        public ValueTask CreatingAsync(PlatformKey key, string taskId, CancellationToken cancellationToken) => throw new IOException("The disk is full.");

        public ValueTask ResumingAsync(string ownerId, string taskId, CancellationToken cancellationToken) => throw new IOException("The disk is full.");

        public void Queued()
        {
        }
    }
}
