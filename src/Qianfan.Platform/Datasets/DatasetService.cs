using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Files;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Spending;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Datasets of an owner.</summary>
internal sealed class DatasetService(
    IDbContextFactory<PlatformDbContext> contexts, FileStore files, Storage storage, DataFolders folders, BosFiles bos, DatasetImporter importer, TimeProvider time)
{
    /// <summary>Rows of prompt and response: what this platform can train on.</summary>
    public const int ConversationTemplate = (int)DatasetKind.Conversation;

    /// <summary>Texts without form: kept, counted and exported, not trained on.</summary>
    public const int TextTemplate = (int)DatasetKind.Text;

    private const int MostFiles = 100;
    private const int MostName = 200;

    public async Task<DatasetRow> CreateAsync(string ownerId, DatasetCreateRequest request, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(request.Name)) throw PlatformException.Missing("name");
        if (request.Name.Length > MostName) throw PlatformException.Invalid("name", $"param[name] invalid: longer than {MostName} characters");
        if (request.ProjectType != request.TemplateType / 100) throw PlatformException.Invalid("projectType", "param[projectType] invalid: it must be templateType / 100");
        if (request.TemplateType is not (ConversationTemplate or TextTemplate))
            throw PlatformException.Invalid("templateType", $"param[templateType] invalid: this platform keeps {ConversationTemplate} (prompt and response) and {TextTemplate} (generic text), not {request.TemplateType}");
        if (request.StorageType is not ("sysBos" or "usrBos")) throw PlatformException.Invalid("storageType", "param[storageType] invalid: it must be sysBos or usrBos");
        var now = time.GetUtcNow();
        var row = new DatasetRow
        {
            PublicId = PublicId.Dataset(),
            GroupPublicId = PublicId.DatasetGroup(),
            OwnerId = ownerId,
            Name = request.Name,
            ProjectType = request.ProjectType,
            TemplateType = request.TemplateType,
            DataType = request.DataType,
            StorageType = request.StorageType,
            CreatedAt = now,
            ModifiedAt = now,
        };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Datasets.Add(row);
        await context.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <summary>The owner's dataset.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<DatasetRow> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Datasets.AsNoTracking().Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Dataset", id);
    }

    /// <summary>The owner's dataset, or null.</summary>
    public async Task<DatasetRow?> FindAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Datasets.AsNoTracking().Of(ownerId, id).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>All versions of a group of the owner's, newest first.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<IReadOnlyList<DatasetRow>> GroupAsync(string ownerId, string groupId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var versions = await context.Datasets.AsNoTracking().Where(row => row.OwnerId == ownerId && row.GroupPublicId == groupId).OrderByDescending(row => row.Version).ToListAsync(cancellationToken);
        return versions.Count > 0 ? versions : throw PlatformException.NotFound("Dataset", groupId);
    }

    /// <summary>The newest version of each group of the owner's.</summary>
    public async Task<Page<DatasetRow>> ListGroupsAsync(string ownerId, string? name, Paging paging, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var newest = context.Datasets.AsNoTracking().Where(row => row.OwnerId == ownerId && !context.Datasets.Any(other => other.GroupPublicId == row.GroupPublicId && other.Id > row.Id));
        if (!string.IsNullOrEmpty(name)) newest = newest.Where(row => row.Name.Contains(name));
        return await paging.ApplyAsync(newest, cancellationToken);
    }

    public async Task<Page<DatasetRow>> ListVersionsAsync(string ownerId, string groupId, Paging paging, CancellationToken cancellationToken)
    {
        await GroupAsync(ownerId, groupId, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await paging.ApplyAsync(context.Datasets.AsNoTracking().Where(row => row.OwnerId == ownerId && row.GroupPublicId == groupId), cancellationToken);
    }

    /// <summary>Adds an empty version to a group.</summary>
    public async Task<DatasetRow> CreateVersionAsync(string ownerId, string groupId, string? description, CancellationToken cancellationToken)
    {
        var newest = (await GroupAsync(ownerId, groupId, cancellationToken))[0];
        if (description?.Length > MostName) throw PlatformException.Invalid("description", $"param[description] invalid: longer than {MostName} characters");
        var now = time.GetUtcNow();
        var row = new DatasetRow
        {
            PublicId = PublicId.Dataset(),
            GroupPublicId = newest.GroupPublicId,
            OwnerId = ownerId,
            Name = newest.Name,
            Version = newest.Version + 1,
            Description = description ?? "",
            ProjectType = newest.ProjectType,
            TemplateType = newest.TemplateType,
            DataType = newest.DataType,
            StorageType = newest.StorageType,
            CreatedAt = now,
            ModifiedAt = now,
        };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Datasets.Add(row);
        try
        {
            await context.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException) when (context.Datasets.Any(other => other.GroupPublicId == row.GroupPublicId && other.Version == row.Version))
        {
            throw PlatformException.Conflict($"Version {row.Version} of {groupId} was made by somebody else at the same time");
        }

        return row;
    }

    public async Task<(IReadOnlyList<DatasetRow> Page, int Total)> ListAsync(string ownerId, string? name, int skip, int take, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = context.Datasets.AsNoTracking().Where(row => row.OwnerId == ownerId);
        if (!string.IsNullOrEmpty(name)) rows = rows.Where(row => row.Name.Contains(name));
        return (await rows.OrderByDescending(row => row.Id).Skip(skip).Take(take).ToListAsync(cancellationToken), await rows.CountAsync(cancellationToken));
    }

    /// <summary>Starts an import; it goes on in the background, and after a restart of the platform.</summary>
    /// <exception cref="PlatformException">The dataset can't take rows now, or a file isn't there.</exception>
    public async Task ImportAsync(string ownerId, DatasetImportRequest request, CancellationToken cancellationToken)
    {
        var dataset = await GetAsync(ownerId, request.DatasetId, cancellationToken);
        if (request.ImportFrom != 1) throw new PlatformException(PlatformError.NotSupported, "param[importFrom] invalid: this platform imports uploaded files and bos:/ paths (1), no links", "importFrom");
        if (request.Files.Count is 0 or > MostFiles) throw PlatformException.Invalid("files", $"param[files] invalid: it must name 1 to {MostFiles} files");
        var sources = new List<ImportSource>();
        foreach (var file in request.Files) sources.Add(await ResolveAsync(ownerId, file, cancellationToken));
        using var room = await storage.ReserveAsync(ownerId, sources.Sum(source => source.Bytes()), cancellationToken);

        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var json = JsonSerializer.Serialize(sources, PlatformJson.Options);
        var now = time.GetUtcNow();
        var started = await context.Datasets
            .Where(row => row.Id == dataset.Id && row.ImportStatus != DatasetImportStatus.Running && row.ReleaseStatus == DatasetReleaseStatus.NotStarted)
            .ExecuteUpdateAsync(
                set => set.SetProperty(row => row.ImportStatus, DatasetImportStatus.Running)
                    .SetProperty(row => row.ImportFiles, json)
                    .SetProperty(row => row.ImportErrorInfo, (string?)null)
                    .SetProperty(row => row.ModifiedAt, now),
                cancellationToken);
        if (started == 0)
        {
            dataset = await GetAsync(ownerId, request.DatasetId, cancellationToken);
            throw PlatformException.Conflict(dataset.ReleaseStatus == DatasetReleaseStatus.NotStarted
                ? $"Dataset {dataset.PublicId} is being imported into"
                : $"Dataset {dataset.PublicId} is released and does not change any more; create another");
        }

        importer.Wake();
    }

    /// <summary>Makes a dataset final, which training needs. Releasing again is fine.</summary>
    public async Task ReleaseAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var dataset = await GetAsync(ownerId, id, cancellationToken);
        if (dataset.ReleaseStatus == DatasetReleaseStatus.Finished) return;
        var now = time.GetUtcNow();
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var released = await context.Datasets
            .Where(row => row.Id == dataset.Id && row.ImportStatus != DatasetImportStatus.Running && row.Rows > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.ReleaseStatus, DatasetReleaseStatus.Finished).SetProperty(row => row.ModifiedAt, now), cancellationToken);
        if (released == 0) throw PlatformException.Conflict($"Dataset {dataset.PublicId} has no rows yet or is being imported into");
    }

    /// <summary>Deletes a dataset that no task waits or runs with. Models that learnt from it keep its id, name and hash.</summary>
    public async Task DeleteAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var dataset = await GetAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await RefuseUsedAsync(context, dataset, cancellationToken);
        var deleted = await context.Datasets
            .Where(row => row.Id == dataset.Id && row.ImportStatus != DatasetImportStatus.Running)
            .ExecuteDeleteAsync(cancellationToken);
        if (deleted == 0) throw PlatformException.Conflict($"Dataset {dataset.PublicId} is being imported into");
        AtomicFile.Delete(folders.Dataset(dataset.PublicId));
    }

    public async Task<IReadOnlyList<ImportErrorRow>> ErrorsAsync(DatasetRow dataset, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.ImportErrors.AsNoTracking().Where(row => row.DatasetId == dataset.Id).OrderBy(row => row.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Some rows, from an offset.</summary>
    public async Task<IReadOnlyList<(long Number, TrainingRow Row)>> RowsAsync(DatasetRow dataset, long offset, int count, CancellationToken cancellationToken)
    {
        while (dataset.RowsFile is { } file)
        {
            try
            {
                return await RowsFiles.ReadAsync(Path.Combine(folders.Dataset(dataset.PublicId), file), offset, count, cancellationToken);
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                // Its rows were changed, or it was deleted, between the look and the reading.
                var now = await GetAsync(dataset.OwnerId, dataset.PublicId, cancellationToken);
                if (now.RowsFile == file) throw;
                dataset = now;
            }
        }

        return [];
    }

    /// <summary>What belongs to datasets beside their rows.</summary>
    public async Task<DatasetExtras> ExtrasAsync(IReadOnlyCollection<int> ids, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var counts = await context.TokenCounts.AsNoTracking()
            .Where(count => ids.Contains(count.DatasetId) && context.Datasets.Any(row => row.Id == count.DatasetId && row.RowsFile == count.RowsFile))
            .OrderBy(count => count.Model)
            .ToListAsync(cancellationToken);
        var exports = await context.DatasetExports.Where(export => ids.Contains(export.DatasetId)).GroupBy(export => export.DatasetId)
            .Select(group => new { group.Key, Count = group.Count() }).ToDictionaryAsync(group => group.Key, group => group.Count, cancellationToken);
        return new DatasetExtras(counts.ToLookup(count => count.DatasetId), exports);
    }

    private static async Task RefuseUsedAsync(PlatformDbContext context, DatasetRow dataset, CancellationToken cancellationToken)
    {
        var named = $",{dataset.PublicId},";
        var task = await context.Tasks.AsNoTracking()
            .Where(row => row.OwnerId == dataset.OwnerId && (row.State == TaskState.Waiting || row.State == TaskState.Running) && ("," + row.DatasetIds + ",").Contains(named))
            .OrderBy(row => row.Id)
            .Select(row => new { row.PublicId, row.State })
            .FirstOrDefaultAsync(cancellationToken);
        if (task is not null) throw PlatformException.Conflict($"Dataset {dataset.PublicId} is what task {task.PublicId} trains on, which is {task.State}; stop the task first").As(ConsoleCodes.JobStatusInvalid);
    }

    private async Task<ImportSource> ResolveAsync(string ownerId, string file, CancellationToken cancellationToken)
    {
        if (file.StartsWith("file-", StringComparison.Ordinal))
        {
            var row = await files.GetAsync(ownerId, file, cancellationToken);
            return new ImportSource(row.Name, folders.File(row.PublicId));
        }

        return await bos.FindAsync(file, cancellationToken);
    }
}

/// <summary>What belongs to datasets beside their rows, by dataset.</summary>
/// <param name="Tokens">The counts that there are, by base model.</param>
/// <param name="Exports">How many exports there are; none where a dataset is missing.</param>
internal sealed record DatasetExtras(ILookup<int, TokenCountRow> Tokens, IReadOnlyDictionary<int, int> Exports);
