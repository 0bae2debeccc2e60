using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk;

namespace Qianfan.Portal.Features.Models;

/// <summary>A model set in a list.</summary>
/// <param name="Id">The set.</param>
/// <param name="Name">Its name.</param>
/// <param name="Connection">The platform that keeps it.</param>
/// <param name="Versions">How many versions it has.</param>
/// <param name="Latest">Its newest version; null when it has none.</param>
/// <param name="Services">Names of the services that answer with one of its versions.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record ModelSetSummary(Guid Id, string Name, string Connection, int Versions, ModelVersionSummary? Latest, IReadOnlyList<string> Services, DateTimeOffset CreatedAt);

/// <summary>A version in a list.</summary>
public sealed record ModelVersionSummary(Guid Id, int Number, string BaseModel, double? TrainingLoss, double? ValidationLoss, DateTimeOffset CreatedAt);

/// <summary>The list page's content.</summary>
public sealed record ModelSetList(IReadOnlyList<ModelSetSummary> Sets, bool MayEdit, bool MayRun);

/// <summary>Something with a name and a page of its own.</summary>
public sealed record NamedLink(Guid Id, string Name);

/// <summary>A version with where it comes from and what it is used for.</summary>
/// <param name="Id">The version.</param>
/// <param name="Number">1 for the first.</param>
/// <param name="PlatformId">Its id on the platform.</param>
/// <param name="BaseModel">What it was trained from.</param>
/// <param name="TrainingLoss">Last training loss.</param>
/// <param name="ValidationLoss">Last validation loss.</param>
/// <param name="CreatedAt">When it was published.</param>
/// <param name="Run">The run that made it; null when that was deleted.</param>
/// <param name="Dataset">What that run learnt from; null when it was deleted.</param>
/// <param name="ConfigJson">What that run was asked for.</param>
/// <param name="TrainedFor">How long that run took.</param>
/// <param name="Services">What answers with it.</param>
public sealed record ModelVersionDetails(
    Guid Id,
    int Number,
    string PlatformId,
    string BaseModel,
    double? TrainingLoss,
    double? ValidationLoss,
    DateTimeOffset CreatedAt,
    NamedLink? Run,
    NamedLink? Dataset,
    string? ConfigJson,
    TimeSpan? TrainedFor,
    IReadOnlyList<NamedLink> Services);

/// <summary>The page of one set.</summary>
/// <param name="Id">The set.</param>
/// <param name="Name">Its name.</param>
/// <param name="Connection">The platform that keeps it.</param>
/// <param name="PlatformId">Its id there.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Versions">All, newest first.</param>
/// <param name="MayEdit">Whether the reader may deploy, export and delete.</param>
/// <param name="MayRun">Whether the reader may start runs.</param>
/// <param name="HasExports">Whether its platform gives weights away.</param>
public sealed record ModelSetDetails(
    Guid Id, string Name, string Connection, string PlatformId, DateTimeOffset CreatedAt, IReadOnlyList<ModelVersionDetails> Versions, bool MayEdit, bool MayRun, bool HasExports);

/// <summary>Reads and deletes models; runs make them. Thread-safe.</summary>
public sealed class ModelService(IDbContextFactory<PortalDbContext> contexts, PlatformClients clients, AuditLog audit)
{
    /// <summary>The project's model sets, newest first.</summary>
    public async Task<ModelSetList> ListAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var sets = await db.ModelSets.AsNoTracking().VisibleTo(actor)
            .Where(m => m.ProjectId == projectId)
            .OrderByDescending(m => m.CreatedAt)
            .Select(m => new ModelSetSummary(
                m.Id,
                m.Name,
                m.Connection.Name,
                m.Versions.Count,
                m.Versions.OrderByDescending(v => v.Number).Select(v => new ModelVersionSummary(v.Id, v.Number, v.BaseModel, v.TrainingLoss, v.ValidationLoss, v.CreatedAt)).FirstOrDefault(),
                db.Services.Where(s => s.ModelVersion.ModelSetId == m.Id).OrderBy(s => s.Name).Select(s => s.Name).ToList(),
                m.CreatedAt))
            .ToListAsync(cancellationToken);
        return new ModelSetList(sets, role.Allows(Permission.EditServices), role.Allows(Permission.EditRuns));
    }

    /// <summary>One set with all its versions, newest first.</summary>
    /// <exception cref="NotFoundException">There is none, or it is another team's.</exception>
    public async Task<ModelSetDetails> GetAsync(Actor actor, Guid projectId, Guid modelSetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var set = await db.ModelSets.AsNoTracking().VisibleTo(actor)
            .Where(m => m.ProjectId == projectId && m.Id == modelSetId)
            .Select(m => new { m.Id, m.Name, Connection = m.Connection.Name, m.Connection.Kind, m.PlatformId, m.CreatedAt })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("model");
        var versions = await db.ModelVersions.AsNoTracking().VisibleTo(actor)
            .Where(v => v.ModelSetId == modelSetId)
            .OrderByDescending(v => v.Number)
            .ToListAsync(cancellationToken);
        var runIds = versions.Select(v => v.RunId).OfType<Guid>().ToList();
        var runs = await db.Runs.AsNoTracking().VisibleTo(actor)
            .Where(r => runIds.Contains(r.Id))
            .Select(r => new { r.Id, r.Name, r.ConfigJson, r.StartedAt, r.FinishedAt, Dataset = r.Dataset == null ? null : new NamedLink(r.Dataset.Id, r.Dataset.Name) })
            .ToDictionaryAsync(r => r.Id, cancellationToken);
        var services = (await db.Services.AsNoTracking().VisibleTo(actor)
            .Where(s => s.ModelVersion.ModelSetId == modelSetId)
            .OrderBy(s => s.Name)
            .Select(s => new { s.ModelVersionId, Link = new NamedLink(s.Id, s.Name) })
            .ToListAsync(cancellationToken)).ToLookup(s => s.ModelVersionId, s => s.Link);
        return new ModelSetDetails(
            set.Id, set.Name, set.Connection, set.PlatformId, set.CreatedAt,
            [.. versions.Select(v =>
            {
                var run = v.RunId is { } id ? runs.GetValueOrDefault(id) : null;
                return new ModelVersionDetails(
                    v.Id, v.Number, v.PlatformId, v.BaseModel, v.TrainingLoss, v.ValidationLoss, v.CreatedAt,
                    run is null ? null : new NamedLink(run.Id, run.Name),
                    run?.Dataset,
                    run?.ConfigJson,
                    run?.FinishedAt - run?.StartedAt,
                    [.. services[v.Id]]);
            })],
            role.Allows(Permission.EditServices),
            role.Allows(Permission.EditRuns),
            set.Kind is not ConnectionKind.Cloud);
    }

    /// <summary>Deletes a version here and on its platform; with the last one the set goes too.</summary>
    /// <returns>Whether the set is gone.</returns>
    /// <exception cref="UserErrorException">A service answers with it (<c>ModelServed</c>), a run that has not ended needs it (<c>ModelInUse</c>), or the platform refuses.</exception>
    public async Task<bool> DeleteVersionAsync(Actor actor, Guid projectId, Guid versionId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditServices, cancellationToken);
        var version = await db.ModelVersions.VisibleTo(actor).Include(v => v.ModelSet)
            .SingleOrDefaultAsync(v => v.ProjectId == projectId && v.Id == versionId, cancellationToken) ?? throw new NotFoundException("model");
        await RequireUnusedAsync(db, version.ModelSet, [versionId], cancellationToken);

        var client = await clients.ForAsync(version.ModelSet.ConnectionId, cancellationToken);
        await DeleteThereAsync(() => client.Models.DeleteModelAsync(version.PlatformId, cancellationToken));
        var last = !await db.ModelVersions.AnyAsync(v => v.ModelSetId == version.ModelSetId && v.Id != versionId, cancellationToken);
        if (last)
        {
            await DeleteThereAsync(() => client.Models.DeleteModelSetAsync(version.ModelSet.PlatformId, cancellationToken));
            db.ModelSets.Remove(version.ModelSet);
        }

        db.ModelVersions.Remove(version);
        audit.Add(db, actor, AuditActions.ModelDeleted, (version.Id, $"{version.ModelSet.Name} v{version.Number}"), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
        return last;
    }

    /// <summary>Deletes a set with all its versions here and on its platform.</summary>
    /// <exception cref="UserErrorException">As for <see cref="DeleteVersionAsync"/>.</exception>
    public async Task DeleteSetAsync(Actor actor, Guid projectId, Guid modelSetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditServices, cancellationToken);
        var set = await db.ModelSets.VisibleTo(actor).Include(m => m.Versions)
            .SingleOrDefaultAsync(m => m.ProjectId == projectId && m.Id == modelSetId, cancellationToken) ?? throw new NotFoundException("model");
        await RequireUnusedAsync(db, set, [.. set.Versions.Select(v => v.Id)], cancellationToken);

        var client = await clients.ForAsync(set.ConnectionId, cancellationToken);
        await DeleteThereAsync(() => client.Models.DeleteModelSetAsync(set.PlatformId, cancellationToken));
        db.ModelSets.Remove(set);
        audit.Add(db, actor, AuditActions.ModelDeleted, (set.Id, set.Name), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
    }

    private static async Task RequireUnusedAsync(PortalDbContext db, ModelSet set, IReadOnlyList<Guid> versionIds, CancellationToken cancellationToken)
    {
        var service = await db.Services.Where(s => versionIds.Contains(s.ModelVersionId)).OrderBy(s => s.Name).Select(s => s.Name).FirstOrDefaultAsync(cancellationToken);
        if (service is not null)
            throw new UserErrorException("ModelServed", set.Name, service);
        var run = await db.Runs
            .Where(r => r.ModelVersionId != null && versionIds.Contains(r.ModelVersionId.Value) && r.Status != RunStatus.Done && r.Status != RunStatus.Failed && r.Status != RunStatus.Stopped)
            .OrderBy(r => r.CreatedAt)
            .Select(r => r.Name)
            .FirstOrDefaultAsync(cancellationToken);
        if (run is not null)
            throw new UserErrorException("ModelInUse", set.Name, run);
    }

    // What is gone already counts as deleted, so that a second try can finish a broken first one.
    private static async Task DeleteThereAsync(Func<Task> delete)
    {
        try
        {
            await delete();
        }
        catch (QianfanException error)
        {
            if (!error.IsNotFound())
                throw PlatformErrors.Translate(error);
        }
    }
}
