using System.Text;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Changes single rows of datasets that aren't released.</summary>
internal sealed class DatasetEntities(IDbContextFactory<PlatformDbContext> contexts, DatasetService datasets, DataFolders folders, TokenCounter tokens, TimeProvider time)
{
    private const int MostIds = 1000;
    private const int MostTries = 5;

    /// <summary>The id of a row: its dataset's and its number.</summary>
    public static string Id(DatasetRow dataset, long number) => $"{dataset.PublicId}-{number}";

    /// <summary>Puts another row in the place of one.</summary>
    /// <exception cref="PlatformException">There is no such row, the new one is bad, or the dataset doesn't change any more.</exception>
    public async Task AnnotateAsync(string ownerId, EntityAnnotateRequest request, CancellationToken cancellationToken)
    {
        var dataset = await datasets.GetAsync(ownerId, request.DatasetId, cancellationToken);
        if (request.Labels is not null) throw new PlatformException(PlatformError.NotSupported, "param[labels] invalid: rows here have answers, no labels", "labels");
        if (request.Content is not { } content) throw PlatformException.Missing("content");
        var number = Number(dataset, request.Id) ?? throw PlatformException.NotFound("Entity", request.Id);
        var line = await RowsFiles.LineAsync(Encoding.UTF8.GetBytes(content.ToJsonString(PlatformJson.Options)), RowsFiles.Kind(dataset), "content", cancellationToken);
        if ((await ReplaceAsync(dataset, new() { [number] = line }, cancellationToken)).Count > 0) throw PlatformException.NotFound("Entity", request.Id);
    }

    /// <summary>Deletes rows.</summary>
    /// <returns>The ids that are none.</returns>
    /// <exception cref="PlatformException">The dataset doesn't change any more.</exception>
    public async Task<IReadOnlyList<string>> DeleteAsync(string ownerId, EntityDeleteRequest request, CancellationToken cancellationToken)
    {
        var dataset = await datasets.GetAsync(ownerId, request.DatasetId, cancellationToken);
        if (request.Id.Count is 0 or > MostIds) throw PlatformException.Invalid("id", $"param[id] invalid: it must name 1 to {MostIds} rows");
        var numbers = request.Id.ToLookup(id => Number(dataset, id));
        var failed = await ReplaceAsync(dataset, numbers.Where(group => group.Key is not null).ToDictionary(group => group.Key!.Value, _ => ""), cancellationToken);
        return [.. numbers[null], .. failed.SelectMany(number => numbers[number])];
    }

    private static long? Number(DatasetRow dataset, string id) =>
        id.StartsWith(dataset.PublicId + "-", StringComparison.Ordinal)
        && long.TryParse(id.AsSpan(dataset.PublicId.Length + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
        && Id(dataset, number) == id
            ? number
            : null;

    /// <summary>Writes the rows with some lines replaced, and makes them the dataset's.</summary>
    /// <returns>The numbers of which there is no row.</returns>
    private async Task<IReadOnlyCollection<long>> ReplaceAsync(DatasetRow dataset, Dictionary<long, string> lines, CancellationToken cancellationToken)
    {
        // Somebody else's change comes between now and then: it is done again on top of that.
        for (var tries = 0; tries < MostTries; tries++)
        {
            RequireOpen(dataset);
            if (dataset.RowsFile is not { } old || lines.Count == 0) return lines.Keys;
            try
            {
                var written = await WriteAsync(dataset, old, lines, cancellationToken);
                if (written.Missing.Count == lines.Count)
                {
                    AtomicFile.Delete(Path.Combine(folders.Dataset(dataset.PublicId), written.File));
                    return written.Missing;
                }

                if (await SaveAsync(dataset, old, written, cancellationToken))
                {
                    tokens.Wake();
                    return written.Missing;
                }
            }
            catch (IOException exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                // Changed or deleted between the look and the copy: looked at again.
            }

            dataset = await datasets.GetAsync(dataset.OwnerId, dataset.PublicId, cancellationToken);
        }

        throw PlatformException.Conflict($"Dataset {dataset.PublicId} is being changed by others; try again");
    }

    private static void RequireOpen(DatasetRow dataset)
    {
        if (dataset.ReleaseStatus != DatasetReleaseStatus.NotStarted) throw PlatformException.Conflict($"Dataset {dataset.PublicId} is released and does not change any more; create another");
        if (dataset.ImportStatus == DatasetImportStatus.Running) throw PlatformException.Conflict($"Dataset {dataset.PublicId} is being imported into");
    }

    private sealed record Written(string File, string Hash, long Bytes, long Rows, long Characters, IReadOnlyCollection<long> Missing);

    private async Task<Written> WriteAsync(DatasetRow dataset, string old, Dictionary<long, string> lines, CancellationToken cancellationToken)
    {
        var folder = folders.Dataset(dataset.PublicId);
        var name = RowsFiles.NewName();
        var missing = lines.Keys.ToHashSet();
        var (rows, characters, hash, bytes) = (0L, 0L, "", 0L);
        await AtomicFile.WriteAsync(Path.Combine(folder, name), async stream =>
        {
            using var output = new HashingStream(stream);
            var number = 0L;
            await foreach (var line in File.ReadLinesAsync(Path.Combine(folder, old), cancellationToken))
            {
                number++;
                var kept = line;
                if (line.Length > 0 && lines.TryGetValue(number, out var other))
                {
                    missing.Remove(number);
                    characters += (other.Length > 0 ? RowsFiles.Characters(other) : 0) - RowsFiles.Characters(line);
                    rows -= other.Length > 0 ? 0 : 1;
                    kept = other;
                }

                await output.WriteAsync(Encoding.UTF8.GetBytes(kept + "\n"), cancellationToken);
            }

            (hash, bytes) = (output.Hash(), output.Length);
        });
        return new Written(name, hash, bytes, rows, characters, missing);
    }

    private async Task<bool> SaveAsync(DatasetRow dataset, string old, Written written, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var saved = await context.Datasets
            .Where(row => row.Id == dataset.Id && row.RowsFile == old && row.ImportStatus != DatasetImportStatus.Running && row.ReleaseStatus == DatasetReleaseStatus.NotStarted)
            .ExecuteUpdateAsync(
                set => set.SetProperty(row => row.RowsFile, written.File)
                    .SetProperty(row => row.ContentHash, written.Hash)
                    .SetProperty(row => row.Bytes, written.Bytes)
                    .SetProperty(row => row.Rows, row => row.Rows + written.Rows)
                    .SetProperty(row => row.Characters, row => row.Characters + written.Characters)
                    .SetProperty(row => row.ModifiedAt, now),
                cancellationToken);
        AtomicFile.Delete(Path.Combine(folders.Dataset(dataset.PublicId), saved == 1 ? old : written.File));
        return saved == 1;
    }
}
