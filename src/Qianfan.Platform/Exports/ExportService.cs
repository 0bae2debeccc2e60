using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Exports;

/// <summary>The exports of an owner's models.</summary>
internal sealed class ExportService(
    IDbContextFactory<PlatformDbContext> contexts, ExportSupervisor supervisor, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time)
{
    private const int BufferSize = 128 * 1024;

    /// <summary>Asks for an export. What is there or under way is given back; what failed is tried again.</summary>
    public async Task<ExportRow> CreateAsync(string ownerId, string modelId, string? format, CancellationToken cancellationToken)
    {
        var version = await GetVersionAsync(ownerId, modelId, cancellationToken);
        var wanted = Check(string.IsNullOrEmpty(format) ? ModelExportFormats.Safetensors : format, version);
        var id = await FindAsync(version, wanted, cancellationToken) ?? await AddAsync(version, wanted, cancellationToken);
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await context.Exports.Where(row => row.PublicId == id && row.State == ExportState.Failed).ExecuteUpdateAsync(
                set => set.SetProperty(row => row.State, ExportState.Waiting)
                    .SetProperty(row => row.Progress, 0)
                    .SetProperty(row => row.Error, (string?)null)
                    .SetProperty(row => row.FinishedAt, (DateTimeOffset?)null),
                cancellationToken);
        }

        supervisor.Wake();
        return await GetAsync(ownerId, id, cancellationToken);
    }

    /// <summary>The owner's export.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<ExportRow> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Exports.AsNoTracking().Include(row => row.Model).Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Export", id);
    }

    /// <summary>The exports of a version, newest first.</summary>
    /// <exception cref="PlatformException">There is no such version.</exception>
    public async Task<IReadOnlyList<ExportRow>> ListAsync(string ownerId, string modelId, CancellationToken cancellationToken)
    {
        var version = await GetVersionAsync(ownerId, modelId, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Exports.AsNoTracking().Include(row => row.Model).Where(row => row.ModelVersionId == version.Id).OrderByDescending(row => row.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Deletes an export with its file; one that is being written ends.</summary>
    public async Task DeleteAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var export = await GetAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Exports.Where(row => row.Id == export.Id).ExecuteDeleteAsync(cancellationToken);
        await DropAsync([export]);
    }

    /// <summary>Ends exports whose rows are gone, and removes their files.</summary>
    public async Task DropAsync(IEnumerable<ExportRow> exports)
    {
        foreach (var export in exports)
        {
            await supervisor.EndAsync(export.Id);
            AtomicFile.Delete(folders.Export(export.PublicId));
        }
    }

    /// <summary>Where an export that is done is fetched, with a key.</summary>
    public string Address(ExportRow export) => $"{options.Value.PublicUrl.TrimEnd('/')}{ExportsApi.Root}{export.PublicId}/content";

    /// <summary>Opens the file of an export.</summary>
    /// <exception cref="PlatformException">It is not done.</exception>
    public FileStream Open(ExportRow export)
    {
        if (export.State != ExportState.Done) throw PlatformException.Conflict($"Export {export.PublicId} is {export.State}; it can be downloaded when it is {ExportState.Done}");
        try
        {
            return new FileStream(folders.ExportContent(export.PublicId), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferSize, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Deleted between the row and the file.
            throw PlatformException.NotFound("Export", export.PublicId);
        }
    }

    /// <summary>The forms that a version can have.</summary>
    public static IReadOnlyList<string> FormatsOf(ModelVersionRow version) =>
        [.. ModelExportFormats.All.Where(format => format != ModelExportFormats.Adapter || version.Kind == "adapter")];

    private static string Check(string format, ModelVersionRow version)
    {
        var formats = FormatsOf(version);
        return formats.Contains(format) ? format : throw PlatformException.Invalid("format", $"param[format] invalid: {version.PublicId} can be had as {string.Join(", ", formats)}, not as {PlatformException.Shown(format)}");
    }

    private async Task<ModelVersionRow> GetVersionAsync(string ownerId, string modelId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.ModelVersions.AsNoTracking().Of(ownerId, modelId).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Model version", modelId);
    }

    private async Task<string?> FindAsync(ModelVersionRow version, string format, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Exports.Where(row => row.ModelVersionId == version.Id && row.Format == format).Select(row => row.PublicId).SingleOrDefaultAsync(cancellationToken);
    }

    private async Task<string> AddAsync(ModelVersionRow version, string format, CancellationToken cancellationToken)
    {
        var row = new ExportRow { PublicId = PublicId.Export(), OwnerId = version.OwnerId, CreatedAt = time.GetUtcNow(), ModelVersionId = version.Id, Format = format };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Exports.Add(row);
        try
        {
            await context.SaveChangesAsync(cancellationToken);
            return row.PublicId;
        }
        catch (DbUpdateException)
        {
            // Asked for twice at once, or the version was deleted meanwhile; anything else is a fault.
            await GetVersionAsync(version.OwnerId, version.PublicId, cancellationToken);
            if (await FindAsync(version, format, cancellationToken) is { } other) return other;
            throw;
        }
    }
}
