using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>A dataset in a list.</summary>
public sealed record DatasetSummaryRow(Guid Id, string Name, string Connection, string FileName, string Format, long SizeBytes, int GoodRows, int BadRows, int Runs, DateTimeOffset CreatedAt);

/// <summary>What the list page shows.</summary>
/// <param name="Datasets">Newest first.</param>
/// <param name="Connections">Platforms that rows can go to; the embedded one first.</param>
/// <param name="MayEdit">Whether the actor may upload and delete.</param>
/// <param name="MaxUploadBytes">Largest file.</param>
public sealed record DatasetList(IReadOnlyList<DatasetSummaryRow> Datasets, IReadOnlyList<ConnectionChoice> Connections, bool MayEdit, long MaxUploadBytes);

/// <summary>A connection to choose.</summary>
public sealed record ConnectionChoice(Guid Id, string Name, ConnectionKind Kind);

/// <summary>A run that learns or learnt from a dataset.</summary>
public sealed record DatasetRun(Guid Id, string Name, RunStatus Status, DateTimeOffset CreatedAt);

/// <summary>What the page of one dataset shows.</summary>
public sealed record DatasetDetails(
    Guid Id,
    string Name,
    string Connection,
    string PlatformId,
    string FileName,
    string Format,
    long SizeBytes,
    int GoodRows,
    int BadRows,
    string ContentHash,
    string? CreatedBy,
    DateTimeOffset CreatedAt,
    IReadOnlyList<RowError> Errors,
    IReadOnlyList<PreviewRow> Preview,
    IReadOnlyList<DatasetRun> Runs,
    bool MayExport,
    bool MayEdit,
    bool MayRun);

/// <summary>Reads and deletes datasets; <see cref="DatasetUploads"/> makes them. Thread-safe.</summary>
public sealed class DatasetService(IDbContextFactory<PortalDbContext> contexts, PlatformDatasets platform, AuditLog audit, IOptions<PortalOptions> options)
{
    /// <summary>The project's datasets and where new ones can go.</summary>
    public async Task<DatasetList> ListAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var datasets = await db.Datasets.AsNoTracking().VisibleTo(actor)
            .Where(d => d.ProjectId == projectId)
            .OrderByDescending(d => d.CreatedAt)
            .Select(d => new DatasetSummaryRow(d.Id, d.Name, d.Connection.Name, d.FileName, d.Format, d.SizeBytes, d.GoodRows, d.BadRows, db.Runs.Count(r => r.DatasetId == d.Id), d.CreatedAt))
            .ToListAsync(cancellationToken);
        var connections = await db.Connections.AsNoTracking().VisibleTo(actor)
            .Where(c => c.ProjectId == projectId)
            .Select(c => new ConnectionChoice(c.Id, c.Name, c.Kind))
            .ToListAsync(cancellationToken);
        return new DatasetList(
            datasets,
            [.. connections.OrderBy(c => c.Kind).ThenBy(c => c.Name, StringComparer.CurrentCulture)],
            role.Allows(Permission.EditDatasets),
            options.Value.MaxUploadBytes);
    }

    /// <summary>One dataset.</summary>
    /// <exception cref="NotFoundException">There is none, or it is another team's.</exception>
    public async Task<DatasetDetails> GetAsync(Actor actor, Guid projectId, Guid datasetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var found = await db.Datasets.AsNoTracking().VisibleTo(actor)
            .Where(d => d.ProjectId == projectId && d.Id == datasetId)
            .Select(d => new { Dataset = d, Connection = d.Connection.Name, d.Connection.Kind, CreatedBy = db.Users.Where(u => u.Id == d.CreatedById).Select(u => u.UserName).SingleOrDefault() })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("dataset");
        var runs = await db.Runs.AsNoTracking().VisibleTo(actor)
            .Where(r => r.DatasetId == datasetId)
            .OrderByDescending(r => r.CreatedAt)
            .Select(r => new DatasetRun(r.Id, r.Name, r.Status, r.CreatedAt))
            .Take(20)
            .ToListAsync(cancellationToken);
        var d = found.Dataset;
        return new DatasetDetails(
            d.Id, d.Name, found.Connection, d.PlatformId, d.FileName, d.Format, d.SizeBytes, d.GoodRows, d.BadRows, d.ContentHash, found.CreatedBy, d.CreatedAt,
            RowSamples.Read<RowError>(d.RowErrorsJson),
            RowSamples.Read<PreviewRow>(d.PreviewJson),
            runs,
            // The cloud's exports take a bucket; ours are fetched from the platform itself.
            found.Kind is ConnectionKind.Embedded or ConnectionKind.Portal,
            role.Allows(Permission.EditDatasets),
            role.Allows(Permission.EditRuns));
    }

    /// <summary>The tokens of a dataset's rows, as its platform has counted them; null where it counts none, empty while it is counting.</summary>
    /// <exception cref="UserErrorException">The platform refuses or can't be reached.</exception>
    public async Task<IReadOnlyList<DatasetTokenStatistics>?> TokensAsync(Actor actor, Guid projectId, Guid datasetId, CancellationToken cancellationToken)
    {
        var (connectionId, platformId) = await FindAsync(actor, projectId, datasetId, cancellationToken);
        return await PlatformErrors.TranslateAsync(() => platform.TokensAsync(connectionId, platformId, cancellationToken));
    }

    /// <summary>Exports a dataset's rows.</summary>
    /// <returns>The address from which they can be fetched for a while.</returns>
    /// <exception cref="UserErrorException">The platform refuses or can't be reached.</exception>
    public async Task<string> ExportAsync(Actor actor, Guid projectId, Guid datasetId, CancellationToken cancellationToken)
    {
        var (connectionId, platformId) = await FindAsync(actor, projectId, datasetId, cancellationToken);
        return await PlatformErrors.TranslateAsync(() => platform.ExportAsync(connectionId, platformId, cancellationToken));
    }

    private async Task<(Guid ConnectionId, string PlatformId)> FindAsync(Actor actor, Guid projectId, Guid datasetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var dataset = await db.Datasets.AsNoTracking().VisibleTo(actor)
            .SingleOrDefaultAsync(d => d.ProjectId == projectId && d.Id == datasetId, cancellationToken) ?? throw new NotFoundException("dataset");
        return (dataset.ConnectionId, dataset.PlatformId);
    }

    /// <summary>Deletes a dataset here and on its platform.</summary>
    /// <exception cref="UserErrorException">A run that has not ended needs it (<c>DatasetInUse</c>), or the platform refuses.</exception>
    public async Task DeleteAsync(Actor actor, Guid projectId, Guid datasetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditDatasets, cancellationToken);
        var dataset = await db.Datasets.VisibleTo(actor)
            .SingleOrDefaultAsync(d => d.ProjectId == projectId && d.Id == datasetId, cancellationToken) ?? throw new NotFoundException("dataset");
        var user = await db.Runs
            .Where(r => r.DatasetId == datasetId && r.Status != RunStatus.Done && r.Status != RunStatus.Failed && r.Status != RunStatus.Stopped)
            .OrderBy(r => r.CreatedAt)
            .Select(r => r.Name)
            .FirstOrDefaultAsync(cancellationToken);
        if (user is not null)
            throw new UserErrorException("DatasetInUse", dataset.Name, user);

        // There first: what is already gone there counts as deleted, so that a second try can finish a broken first one.
        await PlatformErrors.TranslateAsync(() => platform.DeleteAsync(dataset.ConnectionId, dataset.PlatformId, cancellationToken));
        db.Datasets.Remove(dataset);
        audit.Add(db, actor, AuditActions.DatasetDeleted, (dataset.Id, dataset.Name), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
    }
}
