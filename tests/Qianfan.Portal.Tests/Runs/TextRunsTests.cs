using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Workers;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Tests.Console;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>Texts from the upload to the published model, with portal and platform in one process; only the worker is a fake.</summary>
public sealed class TextRunsTests : IAsyncDisposable
{
    private readonly DirectoryInfo _engine = Directory.CreateTempSubdirectory("qianfan-engine-");
    private readonly FakeTrainers _trainers = new();
    private readonly PortalFactory _portal;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public TextRunsTests()
    {
        var model = Directory.CreateDirectory(Path.Combine(_engine.FullName, "models", "qianfan-tiny")).FullName;
        File.WriteAllText(Path.Combine(model, "qianfan.json"), """
            {
              "displayName": "Qianfan Tiny", "description": "For tests", "contextLength": 512, "defaultParameterScale": "FullFineTuning",
              "parameterScales": { "FullFineTuning": { "epoch": { "default": 20, "min": 1, "max": 200 }, "promptDropout": { "default": 0.3, "min": 0, "max": 0.9 } } }
            }
            """);
        PortalFactory portal = null!;
        _portal = portal = new PortalFactory
        {
            Roles = "portal,platform,trainer",
            ConfigureServices = services =>
            {
                services.AddSingleton<IWorkerLauncher>(_trainers);
                // A test's server listens nowhere: what goes over the socket goes to it directly.
                services.AddHttpClient(PlatformHosting.EmbeddedClient).ConfigurePrimaryHttpMessageHandler(() => portal.Server.CreateHandler());
            },
        };
        _portal.Settings["Platform:EngineDirectory"] = _engine.FullName;
    }

    public async ValueTask DisposeAsync()
    {
        await _portal.DisposeAsync();
        _engine.Delete(recursive: true);
    }

    [Fact]
    public async Task Uploaded_texts_are_trained_on_as_texts_and_published()
    {
        var owner = await _portal.ActorAsync();
        using var browser = await _portal.CreateClientAsync();
        using var uploaded = await PageScript.UploadAsync(browser, _portal.ProjectId, "The lamp is green.\n七只船回家了。\n"u8.ToArray(), "story.txt", kind: "text");
        uploaded.StatusCode.ShouldBe(HttpStatusCode.OK, await uploaded.Content.ReadAsStringAsync(Cancel));
        var datasetId = (await uploaded.Content.ReadFromJsonAsync<UploadResult>(Cancel))!.DatasetId;

        var runs = _portal.Get<RunService>();
        var option = (await runs.DatasetsAsync(owner, _portal.ProjectId, Cancel)).Single();
        (option.Id, option.TrainMode).ShouldBe((datasetId, TrainMode.PostPretrain));
        var model = (await runs.BaseModelsAsync(owner, _portal.ProjectId, option.ConnectionId, option.TrainMode, Cancel)).Single();
        model.Methods.Single().Fields.Select(field => field.Key).ShouldNotContain("promptDropout");

        // The kind of training is not the caller's to choose.
        var runId = await runs.StartAsync(owner, _portal.ProjectId, new RunConfig { Name = "story", DatasetId = datasetId, BaseModel = "qianfan-tiny", Deploy = false, TrainMode = TrainMode.Sft }, Cancel);
        _trainers.Step(FakeTrainers.TotalSteps);
        await UntilAsync(runId, RunStatus.Done);

        var details = await runs.GetAsync(owner, _portal.ProjectId, runId, Cancel);
        details.Config.TrainMode.ShouldBe(TrainMode.PostPretrain);
        await using var db = _portal.Db();
        var version = await db.ModelVersions.AsNoTracking().SingleAsync(Cancel);
        var client = await _portal.Get<PlatformClients>().ForAsync(option.ConnectionId, Cancel);
        (await client.Models.DescribeModelAsync(version.PlatformId, Cancel)).Lineage!.TrainMode.ShouldBe("PostPretrain");
    }

    private async Task UntilAsync(Guid runId, RunStatus status)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        await foreach (var events in _portal.Get<RunEventFeed>().ReadAsync(runId, 0, patience.Token))
        {
            var told = events.Where(e => e is { Kind: RunEventKind.Status, ActionClass: null }).Select(e => JsonNode.Parse(e.Data)!["status"]!.GetValue<string>()).ToList();
            told.ShouldNotContain("Failed", string.Join('\n', events));
            if (told.Contains(status.ToString()))
                return;
        }
    }
}
