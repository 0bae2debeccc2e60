using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;

namespace Qianfan.Portal.Tests.Models;

/// <summary>What a run that came to its end leaves: dataset, run, model version, service.</summary>
public sealed record Published(Guid DatasetId, Guid RunId, Guid ModelSetId, Guid VersionId, Guid ServiceId)
{
    /// <summary>Adds it to the portal's project.</summary>
    public static async Task<Published> AddAsync(PortalFactory portal, RunStatus status = RunStatus.Done)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var db = portal.Db();
        var projectId = portal.ProjectId;
        var connectionId = (await db.Connections.FirstAsync(c => c.ProjectId == projectId, cancel)).Id;
        var now = portal.Get<TimeProvider>().GetUtcNow();
        var dataset = new Dataset
        {
            ProjectId = projectId,
            ConnectionId = connectionId,
            Name = "Bikes",
            PlatformId = "ds-1",
            FileName = "bikes.jsonl",
            Format = "QianfanJsonLines",
            SizeBytes = 321,
            GoodRows = 200,
            BadRows = 1,
            ContentHash = new string('a', 64),
            RowErrorsJson = RowSamples.Write<RowError>([new(7, "[0].response", "missing_field", "[0].response is missing.")]),
            PreviewJson = RowSamples.Write<PreviewRow>([new(1, [new("user", "What is the mascot?"), new("assistant", "A cat called <b>Biscuit</b>.")])]),
            CreatedAt = now,
        };
        var set = new ModelSet { ProjectId = projectId, ConnectionId = connectionId, Name = "bikes-model", PlatformId = "am-1", CreatedAt = now };
        var run = new Run { ProjectId = projectId, ConnectionId = connectionId, Dataset = dataset, Name = "Bikes run", Status = status, BaseModel = "qianfan-tiny", CreatedAt = now };
        var version = new ModelVersion { ProjectId = projectId, ModelSet = set, PlatformId = "amv-1", BaseModel = "qianfan-tiny", RunId = run.Id, TrainingLoss = 0.125, CreatedAt = now };
        var service = new Service { ProjectId = projectId, ConnectionId = connectionId, ModelVersion = version, Name = "bikes-service", PlatformId = "svco-1", Endpoint = "bikes_endpoint", ServiceType = "Chat", RunId = run.Id, CreatedAt = now };
        db.AddRange(dataset, set, version, service, run);
        await db.SaveChangesAsync(cancel);
        return new Published(dataset.Id, run.Id, set.Id, version.Id, service.Id);
    }
}
