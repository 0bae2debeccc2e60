using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>What a run brings forth: the rows of the published model and of the deployed service, written with the event that tells of them. Thread-safe.</summary>
public sealed class RunOutcomes(AuditLog audit, TimeProvider time)
{
    /// <summary>Whether an event tells of something that gets a row.</summary>
    public static bool Has(Event e) => e is { ActionState: ActionState.Done, ActionClass: RunActions.ModelPublishAction or RunActions.DeployAction };

    /// <summary>Adds the rows; the caller saves.</summary>
    public async Task ApplyAsync(PortalDbContext db, Run run, RunConfig config, Event e, CancellationToken cancellationToken)
    {
        if (!Has(e) || e.Data is not JsonObject output)
            return;
        if (e.ActionClass == RunActions.ModelPublishAction)
            await AddModelAsync(db, run, config, output, cancellationToken);
        else
            await AddServiceAsync(db, run, config, output, cancellationToken);
    }

    private async Task AddModelAsync(PortalDbContext db, Run run, RunConfig config, JsonObject output, CancellationToken cancellationToken)
    {
        if (Text(output["model_set_id"]) is not { } setId || Text(output["model_id"]) is not { } versionId)
            return;
        var set = await db.ModelSets.Include(s => s.Versions).SingleOrDefaultAsync(s => s.ConnectionId == run.ConnectionId && s.PlatformId == setId, cancellationToken);
        if (set is null)
        {
            set = new ModelSet
            {
                ProjectId = run.ProjectId,
                ConnectionId = run.ConnectionId,
                Name = config.ModelName.Length > 0 ? config.ModelName : run.Name,
                PlatformId = setId,
                CreatedAt = time.GetUtcNow(),
            };
            db.ModelSets.Add(set);
        }

        var version = set.Versions.Find(v => v.PlatformId == versionId);
        if (version is null)
        {
            version = new ModelVersion
            {
                ProjectId = run.ProjectId,
                ModelSetId = set.Id,
                PlatformId = versionId,
                Number = set.Versions.Count + 1,
                BaseModel = run.BaseModel,
                RunId = run.Id,
                TrainingLoss = await LastLossAsync(db, run.Id, RunEventKind.Metric, cancellationToken),
                ValidationLoss = await LastLossAsync(db, run.Id, RunEventKind.Validation, cancellationToken),
                CreatedAt = time.GetUtcNow(),
            };
            db.ModelVersions.Add(version);
            audit.Add(db, Actor.System, AuditActions.ModelPublished, (version.Id, set.Name), await TeamAsync(db, run, cancellationToken), run.ProjectId, new Dictionary<string, string> { ["run"] = run.Name });
        }

        run.ModelVersionId = version.Id;
    }

    private async Task AddServiceAsync(PortalDbContext db, Run run, RunConfig config, JsonObject output, CancellationToken cancellationToken)
    {
        if (Text(output["service_id"]) is not { } serviceId || run.ModelVersionId is not { } versionId)
            return;
        var service = await db.Services.SingleOrDefaultAsync(s => s.ConnectionId == run.ConnectionId && s.PlatformId == serviceId, cancellationToken);
        if (service is null)
        {
            service = new Services.Service
            {
                ProjectId = run.ProjectId,
                ConnectionId = run.ConnectionId,
                ModelVersionId = versionId,
                Name = config.ServiceName.Length > 0 ? config.ServiceName : config.ModelName.Length > 0 ? config.ModelName : run.Name,
                PlatformId = serviceId,
                Endpoint = Text(output["service_endpoint"]) ?? serviceId,
                ServiceType = Text(output["service"]?["service_type"]) ?? config.ServiceType.ToString(),
                RunId = run.Id,
                CreatedAt = time.GetUtcNow(),
            };
            db.Services.Add(service);
            audit.Add(db, Actor.System, AuditActions.ServiceDeployed, (service.Id, service.Name), await TeamAsync(db, run, cancellationToken), run.ProjectId, new Dictionary<string, string> { ["run"] = run.Name });
        }

        run.ServiceId = service.Id;
    }

    private static async Task<Guid?> TeamAsync(PortalDbContext db, Run run, CancellationToken cancellationToken) =>
        await db.Projects.Where(p => p.Id == run.ProjectId).Select(p => (Guid?)p.TeamId).SingleOrDefaultAsync(cancellationToken);

    private static async Task<double?> LastLossAsync(PortalDbContext db, Guid runId, RunEventKind kind, CancellationToken cancellationToken)
    {
        var json = await db.RunEvents
            .Where(e => e.RunId == runId && e.Kind == kind)
            .OrderByDescending(e => e.Sequence)
            .Select(e => e.DataJson)
            .FirstOrDefaultAsync(cancellationToken);
        return json is not null && JsonNode.Parse(json)?["loss"] is JsonValue loss && loss.TryGetValue(out double value) ? value : null;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
