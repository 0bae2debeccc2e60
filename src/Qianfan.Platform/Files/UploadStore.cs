using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Spending;

namespace Qianfan.Platform.Files;

/// <summary>Uploads in parts. What has arrived is kept for a day, whatever happens to the connection or the platform.</summary>
internal sealed class UploadStore(IDbContextFactory<PlatformDbContext> contexts, FileStore files, Storage storage, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time)
{
    /// <summary>Most bytes of a part.</summary>
    public const long MostPartBytes = 64L << 20;

    private const int MostText = 256;

    private static readonly TimeSpan s_life = TimeSpan.FromDays(1);

    public async Task<UploadRow> CreateAsync(string ownerId, string name, string purpose, long bytes, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(name)) throw PlatformException.Missing("filename");
        if (string.IsNullOrWhiteSpace(purpose) || purpose.Length > MostText) throw PlatformException.Invalid("purpose", $"param[purpose] invalid: it must be 1 to {MostText} characters");
        if (bytes < 1) throw PlatformException.Invalid("bytes", "param[bytes] invalid: it must be 1 or more");
        if (bytes > options.Value.MaxFileBytes) throw new PlatformException(PlatformError.TooLarge, $"The file is larger than {options.Value.MaxFileBytes} bytes (setting MaxFileBytes)", "bytes");
        var now = time.GetUtcNow();
        await DeleteLeftPartsAsync(now, cancellationToken);
        using var room = await storage.ReserveAsync(ownerId, bytes, cancellationToken);
        var row = new UploadRow { PublicId = PublicId.Upload(), OwnerId = ownerId, Name = PlatformException.Shown(name), Purpose = purpose, Bytes = bytes, CreatedAt = now, ExpiresAt = now + s_life };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Uploads.Add(row);
        await context.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <summary>The owner's upload with its parts, in order of arrival.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<(UploadRow Upload, IReadOnlyList<UploadPartRow> Parts)> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var upload = await context.Uploads.AsNoTracking().Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Upload", id);
        return (upload, await context.UploadParts.AsNoTracking().Where(part => part.UploadId == upload.Id).OrderBy(part => part.Id).ToListAsync(cancellationToken));
    }

    /// <summary>Streams a part to the disk. Nothing is kept of one that breaks off.</summary>
    /// <exception cref="PlatformException">The upload has ended, or the part is too large.</exception>
    public async Task<UploadPartRow> AddAsync(string ownerId, string id, Stream content, CancellationToken cancellationToken)
    {
        var (upload, parts) = await PendingAsync(ownerId, id, cancellationToken);
        var most = Math.Min(MostPartBytes, upload.Bytes - parts.Sum(part => part.Bytes));
        var part = new UploadPartRow { PublicId = PublicId.UploadPart(), OwnerId = ownerId, UploadId = upload.Id, CreatedAt = time.GetUtcNow() };
        var path = folders.UploadPart(part.PublicId);
        part.Bytes = await FileStore.WriteAsync(path, content, most, bytes => new PlatformException(PlatformError.TooLarge, $"The part is larger than the {bytes} bytes that are left of it, or than {MostPartBytes}", "data"), cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        context.UploadParts.Add(part);
        await context.SaveChangesAsync(cancellationToken);
        // Parts that came at the same time didn't know of each other, and the upload may have ended meanwhile.
        var total = await context.UploadParts.Where(other => other.UploadId == upload.Id).SumAsync(other => other.Bytes, cancellationToken);
        if (total > upload.Bytes || !await context.Uploads.AnyAsync(row => row.Id == upload.Id && row.State == UploadState.Pending, cancellationToken))
        {
            File.Delete(path);
            throw PlatformException.Invalid("data", $"param[data] invalid: the parts are larger than the announced {upload.Bytes} bytes, or the upload has ended");
        }

        await transaction.CommitAsync(cancellationToken);
        return part;
    }

    /// <summary>Makes the parts a file, in the order given.</summary>
    /// <exception cref="PlatformException">A part isn't there, bytes are missing, or the checksum is another.</exception>
    public async Task<(UploadRow Upload, FileRow File)> CompleteAsync(string ownerId, string id, IReadOnlyList<string> partIds, string? md5, CancellationToken cancellationToken)
    {
        var (upload, parts) = await PendingAsync(ownerId, id, cancellationToken);
        var known = parts.ToDictionary(part => part.PublicId, StringComparer.Ordinal);
        var ordered = partIds.Select(part => known.GetValueOrDefault(part) ?? throw PlatformException.Invalid("part_ids", $"param[part_ids] invalid: there is no part {PlatformException.Shown(part)}")).ToList();
        if (ordered.Distinct().Count() != ordered.Count) throw PlatformException.Invalid("part_ids", "param[part_ids] invalid: a part stands there twice");
        if (ordered.Sum(part => part.Bytes) is var bytes && bytes != upload.Bytes) throw PlatformException.Invalid("part_ids", $"param[part_ids] invalid: the parts have {bytes} bytes, announced were {upload.Bytes}");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        await using var content = new PartsStream([.. ordered.Select(part => folders.UploadPart(part.PublicId))], hash);
        var (fileId, length) = await files.ReceiveAsync(content, cancellationToken);
        FileRow uploaded;
        try
        {
            if (!string.IsNullOrEmpty(md5) && !string.Equals(Convert.ToHexString(hash.GetHashAndReset()), md5, StringComparison.OrdinalIgnoreCase))
                throw PlatformException.Invalid("md5", "param[md5] invalid: the file's checksum is another");
            var file = files.Row(fileId, length, ownerId, upload.Name, upload.Purpose);
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
            var changed = await context.Uploads.Where(row => row.Id == upload.Id && row.State == UploadState.Pending)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.State, UploadState.Completed).SetProperty(row => row.FileId, fileId), cancellationToken);
            if (changed == 0) throw Ended(upload);
            context.Files.Add(file);
            await context.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            (upload.State, upload.FileId) = (UploadState.Completed, fileId);
            uploaded = file;
        }
        catch
        {
            files.Drop(fileId);
            throw;
        }

        await DropPartsAsync(upload.Id, CancellationToken.None);
        return (upload, uploaded);
    }

    /// <summary>Ends an upload; its parts are gone.</summary>
    public async Task<UploadRow> CancelAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var (upload, _) = await PendingAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var changed = await context.Uploads.Where(row => row.Id == upload.Id && row.State == UploadState.Pending).ExecuteUpdateAsync(set => set.SetProperty(row => row.State, UploadState.Cancelled), cancellationToken);
        if (changed == 0) throw Ended(upload);
        await DropPartsAsync(upload.Id, CancellationToken.None);
        upload.State = UploadState.Cancelled;
        return upload;
    }

    /// <summary>An upload's state in OpenAI's words.</summary>
    public string Status(UploadRow upload) => upload.State == UploadState.Pending && upload.ExpiresAt <= time.GetUtcNow() ? "expired" : upload.State switch
    {
        UploadState.Pending => "pending",
        UploadState.Completed => "completed",
        _ => "cancelled",
    };

    private PlatformException Ended(UploadRow upload) => PlatformException.Conflict($"Upload {upload.PublicId} is {Status(upload)}");

    private async Task<(UploadRow Upload, IReadOnlyList<UploadPartRow> Parts)> PendingAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var found = await GetAsync(ownerId, id, cancellationToken);
        return Status(found.Upload) == "pending" ? found : throw PlatformException.Conflict($"Upload {found.Upload.PublicId} is no longer pending");
    }

    private async Task DropPartsAsync(int uploadId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var parts = await context.UploadParts.AsNoTracking().Where(part => part.UploadId == uploadId).Select(part => part.PublicId).ToListAsync(cancellationToken);
        await context.UploadParts.Where(part => part.UploadId == uploadId).ExecuteDeleteAsync(cancellationToken);
        foreach (var part in parts) File.Delete(folders.UploadPart(part));
    }

    // Parts of uploads that expired, and of those that had ended when the platform died before it dropped them.
    private async Task DeleteLeftPartsAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var left = await context.UploadParts
            .Where(part => context.Uploads.Any(row => row.Id == part.UploadId && (row.State != UploadState.Pending || row.ExpiresAt <= now)))
            .Select(part => part.UploadId).Distinct().ToListAsync(cancellationToken);
        foreach (var upload in left) await DropPartsAsync(upload, cancellationToken);
    }

    /// <summary>Files one behind the other, hashed while they are read.</summary>
    private sealed class PartsStream(IReadOnlyList<string> paths, IncrementalHash hash) : ForwardStream
    {
        private FileStream? _current;
        private int _next;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                if (_current is null)
                {
                    if (_next == paths.Count) return 0;
                    _current = new FileStream(paths[_next++], FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
                }

                var read = await _current.ReadAsync(buffer, cancellationToken);
                hash.AppendData(buffer.Span[..read]);
                if (read > 0 || buffer.Length == 0) return read;
                await _current.DisposeAsync();
                _current = null;
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _current?.Dispose();
            base.Dispose(disposing);
        }
    }
}
