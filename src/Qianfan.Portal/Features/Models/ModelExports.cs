using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Models;

/// <summary>What a version's platform tells of it.</summary>
/// <param name="Lineage">What it came from; null when the platform noted nothing.</param>
/// <param name="Formats">Forms that it can be had in, of <see cref="ModelExportFormats"/>.</param>
/// <param name="Exports">Forms that were asked for.</param>
public sealed record ModelOnPlatform(ModelLineage? Lineage, IReadOnlyList<string> Formats, IReadOnlyList<ModelExportTask> Exports);

/// <summary>Versions in forms that other programs open, on platforms of our own; Baidu's cloud gives no weights away. Thread-safe.</summary>
public sealed class ModelExports(IDbContextFactory<PortalDbContext> contexts, PlatformClients clients, AuditLog audit)
{
    /// <summary>What the platform tells of a version right now.</summary>
    /// <exception cref="NotFoundException">There is no such version here, or it is another team's.</exception>
    /// <exception cref="UserErrorException">The platform refuses or can't be reached.</exception>
    public async Task<ModelOnPlatform> GetAsync(Actor actor, Guid projectId, Guid versionId, CancellationToken cancellationToken)
    {
        var (client, platformId) = await FindAsync(actor, projectId, versionId, cancellationToken);
        return await PlatformErrors.TranslateAsync(async () =>
        {
            var described = await client.Models.DescribeModelAsync(platformId, cancellationToken);
            return new ModelOnPlatform(described.Lineage, described.ExportFormats ?? [], await client.Models.ListExportsAsync(platformId, cancellationToken));
        });
    }

    /// <summary>How far a version's exports are right now.</summary>
    /// <exception cref="UserErrorException">As for <see cref="GetAsync"/>.</exception>
    public async Task<IReadOnlyList<ModelExportTask>> ListAsync(Actor actor, Guid projectId, Guid versionId, CancellationToken cancellationToken)
    {
        var (client, platformId) = await FindAsync(actor, projectId, versionId, cancellationToken);
        return await PlatformErrors.TranslateAsync(() => client.Models.ListExportsAsync(platformId, cancellationToken));
    }

    /// <summary>Asks for a version in a form.</summary>
    /// <exception cref="UserErrorException">As for <see cref="GetAsync"/>.</exception>
    public Task StartAsync(Actor actor, Guid projectId, Guid versionId, string format, CancellationToken cancellationToken) =>
        ChangeAsync(actor, projectId, versionId, AuditActions.ModelExported, format, (models, platformId) => models.StartExportAsync(platformId, format, cancellationToken), cancellationToken);

    /// <summary>Deletes an export with its file; what is gone already counts as deleted.</summary>
    /// <exception cref="UserErrorException">As for <see cref="GetAsync"/>.</exception>
    public Task DeleteAsync(Actor actor, Guid projectId, Guid versionId, ModelExportTask export, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(export);
        return ChangeAsync(actor, projectId, versionId, AuditActions.ModelExportDeleted, export.Format, async (models, _) =>
        {
            try
            {
                await models.DeleteExportAsync(export.ExportTaskId, cancellationToken);
            }
            catch (QianfanException error) when (error.IsNotFound())
            {
                // Somebody else was faster.
            }
        }, cancellationToken);
    }

    /// <summary>Opens an export's file; dispose what comes back.</summary>
    /// <param name="actor">Who downloads.</param>
    /// <param name="projectId">The project.</param>
    /// <param name="modelSetId">The model set, which tells whose platform has the file.</param>
    /// <param name="exportId">The export's id there.</param>
    /// <param name="range">The request's <c>Range</c>; null for all.</param>
    /// <param name="ifRange">The request's <c>If-Range</c>.</param>
    /// <param name="cancellationToken">Breaks off, also while it is read.</param>
    /// <exception cref="NotFoundException">There is no such set or export.</exception>
    /// <exception cref="UserErrorException">The platform refuses or can't be reached.</exception>
    public async Task<ModelExportContent> OpenAsync(Actor actor, Guid projectId, Guid modelSetId, string exportId, string? range, string? ifRange, CancellationToken cancellationToken)
    {
        var connectionId = await ConnectionAsync(actor, projectId, modelSetId, cancellationToken);
        var client = await clients.ForAsync(connectionId, cancellationToken);
        try
        {
            return await client.Models.OpenExportAsync(exportId, range, ifRange, cancellationToken);
        }
        catch (QianfanException error)
        {
            throw error.IsNotFound() ? new NotFoundException("model") : PlatformErrors.Translate(error);
        }
    }

    private async Task<Guid> ConnectionAsync(Actor actor, Guid projectId, Guid modelSetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        return await db.ModelSets.VisibleTo(actor)
            .Where(m => m.ProjectId == projectId && m.Id == modelSetId && m.Connection.Kind != ConnectionKind.Cloud)
            .Select(m => (Guid?)m.ConnectionId)
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("model");
    }

    private async Task<(QianfanClient Client, string PlatformId)> FindAsync(Actor actor, Guid projectId, Guid versionId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var version = await VersionAsync(db, actor, projectId, versionId, cancellationToken);
        return (await clients.ForAsync(version.ModelSet.ConnectionId, cancellationToken), version.PlatformId);
    }

    private async Task ChangeAsync(
        Actor actor, Guid projectId, Guid versionId, string action, string format, Func<ModelsClient, string, Task> change, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditServices, cancellationToken);
        var version = await VersionAsync(db, actor, projectId, versionId, cancellationToken);
        var client = await clients.ForAsync(version.ModelSet.ConnectionId, cancellationToken);
        await PlatformErrors.TranslateAsync(() => change(client.Models, version.PlatformId));
        audit.Add(db, actor, action, (version.Id, $"{version.ModelSet.Name} v{version.Number}"), teamId, projectId, new Dictionary<string, string> { ["kind"] = format });
        await db.SaveChangesAsync(cancellationToken);
    }

    private static async Task<ModelVersion> VersionAsync(PortalDbContext db, Actor actor, Guid projectId, Guid versionId, CancellationToken cancellationToken) =>
        await db.ModelVersions.AsNoTracking().VisibleTo(actor).Include(v => v.ModelSet)
            .SingleOrDefaultAsync(v => v.ProjectId == projectId && v.Id == versionId && v.ModelSet.Connection.Kind != ConnectionKind.Cloud, cancellationToken) ?? throw new NotFoundException("model");
}
