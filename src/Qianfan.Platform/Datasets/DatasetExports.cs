using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Access;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Exports of datasets. Nothing is copied: an export remembers which rows it is of, and the file is made of these while it is fetched.</summary>
internal sealed class DatasetExports(
    IDbContextFactory<PlatformDbContext> contexts, DatasetService datasets, DataFolders folders, IPlatformAccess access, IOptions<PlatformOptions> options, TimeProvider time)
{
    /// <summary>Where exports are fetched, without a key.</summary>
    public const string Route = "/v2/dataset/exports/{exportId}";

    /// <summary>How long a link is good.</summary>
    public static readonly TimeSpan LinkLife = TimeSpan.FromHours(1);

    private const string Use = "qianfan-platform-export";

    public async Task<DatasetExportRow> CreateAsync(string ownerId, string datasetId, CancellationToken cancellationToken)
    {
        var dataset = await datasets.GetAsync(ownerId, datasetId, cancellationToken);
        if (dataset.RowsFile is not { } file || dataset.Rows == 0) throw PlatformException.Conflict($"Dataset {dataset.PublicId} has no rows");
        var export = new DatasetExportRow
        {
            PublicId = PublicId.DatasetExport(),
            OwnerId = ownerId,
            DatasetId = dataset.Id,
            RowsFile = file,
            Rows = dataset.Rows,
            Bytes = dataset.Bytes,
            CreatedAt = time.GetUtcNow(),
        };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.DatasetExports.Add(export);
        await context.SaveChangesAsync(cancellationToken);
        return export;
    }

    /// <summary>The owner's export with its dataset.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<DatasetExportRow> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.DatasetExports.AsNoTracking().Include(row => row.Dataset).SingleOrDefaultAsync(row => row.OwnerId == ownerId && row.PublicId == id, cancellationToken)
            ?? throw PlatformException.NotFound("Export task", id);
    }

    /// <summary>A dataset's exports, newest first.</summary>
    public async Task<IReadOnlyList<DatasetExportRow>> ListAsync(DatasetRow dataset, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.DatasetExports.AsNoTracking().Where(row => row.DatasetId == dataset.Id).OrderByDescending(row => row.Id).Take(100).ToListAsync(cancellationToken);
    }

    /// <summary>An address that whoever has it can fetch the export from for an hour. It is signed with the key's secret, reveals nothing of it, and ends with the key.</summary>
    public string Link(PlatformKey key, DatasetExportRow export)
    {
        var expires = Expires(time.GetUtcNow() + LinkLife);
        return $"{options.Value.PublicUrl.TrimEnd('/')}{Route.Replace("{exportId}", export.PublicId, StringComparison.Ordinal)}?key={Uri.EscapeDataString(key.AccessKey)}&expires={expires}&signature={Sign(key, export.PublicId, expires)}";
    }

    /// <summary>The export of a link, with its rows opened.</summary>
    /// <exception cref="PlatformException">The link is none of ours or is over, or the rows have changed.</exception>
    public async Task<(DatasetExportRow Export, FileStream Rows)> OpenAsync(string id, string accessKey, string expires, string signature, CancellationToken cancellationToken)
    {
        var key = accessKey.Length == 0 ? null : await access.FindKeyAsync(accessKey, cancellationToken);
        // Whoever has the key's secret can sign, also for what the key itself may not fetch.
        var signed = key is not null && Needs.ToRead.AreMetBy(key) && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(key, id, expires)), Encoding.UTF8.GetBytes(signature));
        if (!signed || !long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var until) || time.GetUtcNow().ToUnixTimeSeconds() >= until)
            throw new PlatformException(PlatformError.Forbidden, "The link is wrong or has expired; ask for the export again");
        var export = await GetAsync(key!.OwnerId, id, cancellationToken);
        try
        {
            if (export.RowsFile == export.Dataset.RowsFile) return (export, RowsFiles.Open(Path.Combine(folders.Dataset(export.Dataset.PublicId), export.RowsFile)));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Changed or deleted a moment ago.
        }

        throw PlatformException.Conflict($"The rows of dataset {export.Dataset.PublicId} have changed since; export it again");
    }

    private static string Expires(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static string Sign(PlatformKey key, string id, string expires) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key.SecretKey), Encoding.UTF8.GetBytes($"{Use}\n{key.AccessKey}\n{id}\n{expires}")));
}
