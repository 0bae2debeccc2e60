using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.Extensions.Hosting;

namespace Qianfan.Platform.Data;

/// <summary>Brings the data folder and the database up to date before anything else of the platform starts.</summary>
internal sealed class PlatformDatabase(IDbContextFactory<PlatformDbContext> contexts, DataFolders folders) : IHostedLifecycleService
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        folders.Create();
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Database.MigrateAsync(cancellationToken);
        await DeleteUnknownAsync(folders.Files, context.Files, cancellationToken);
        await DeleteUnknownAsync(folders.Uploads, context.UploadParts, cancellationToken);
        await DeleteUnknownAsync(folders.Datasets, context.Datasets, cancellationToken);
        await DeleteOldRowsAsync(context, cancellationToken);
        await DeleteUnknownAsync(folders.Tasks, context.Tasks, cancellationToken);
        await DeleteUnknownAsync(folders.Models, context.ModelVersions, cancellationToken);
        await DeleteUnknownAsync(folders.Exports, context.Exports, cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // An import or edit writes a file of its own; the one that the row doesn't name was left by a crash.
    private async Task DeleteOldRowsAsync(PlatformDbContext context, CancellationToken cancellationToken)
    {
        foreach (var dataset in await context.Datasets.Select(row => new { row.PublicId, row.RowsFile }).ToListAsync(cancellationToken))
        {
            var folder = folders.Dataset(dataset.PublicId);
            if (!Directory.Exists(folder)) continue;
            foreach (var entry in Directory.EnumerateFileSystemEntries(folder).Where(entry => Path.GetFileName(entry) != dataset.RowsFile)) AtomicFile.Delete(entry);
        }
    }

    // Bytes come before their row, and go after it: what has no row was left by a crash.
    private static async Task DeleteUnknownAsync<T>(string folder, IQueryable<T> rows, CancellationToken cancellationToken) where T : OwnedRow
    {
        var known = (await rows.Select(row => row.PublicId).ToListAsync(cancellationToken)).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in Directory.EnumerateFileSystemEntries(folder).Where(entry => !known.Contains(Path.GetFileName(entry)))) AtomicFile.Delete(entry);
    }
}

/// <summary>Lets the Entity Framework tools see the model.</summary>
internal sealed class PlatformDesignTime : IDesignTimeDbContextFactory<PlatformDbContext>
{
    public PlatformDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PlatformDbContext>().UseSqlite("Data Source=design-time.db").Options);
}
