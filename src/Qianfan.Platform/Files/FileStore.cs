using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Files;

/// <summary>Uploaded files.</summary>
internal sealed class FileStore(IDbContextFactory<PlatformDbContext> contexts, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time)
{
    private const int BufferSize = 128 * 1024;

    /// <summary>Streams bytes into a file of which nothing is known yet. <see cref="KeepAsync"/> makes it an upload.</summary>
    /// <returns>Its text id and size.</returns>
    /// <exception cref="PlatformException">It is larger than allowed; nothing is left of it.</exception>
    public async Task<(string Id, long Bytes)> ReceiveAsync(Stream content, CancellationToken cancellationToken)
    {
        var id = PublicId.File();
        var bytes = await WriteAsync(
            folders.File(id), content, options.Value.MaxFileBytes, most => new PlatformException(PlatformError.TooLarge, $"The file is larger than {most} bytes (setting MaxFileBytes)", "file"), cancellationToken);
        return (id, bytes);
    }

    /// <summary>Streams bytes to a place on the disk.</summary>
    /// <returns>How many there were.</returns>
    public static async Task<long> WriteAsync(string path, Stream content, long most, Func<long, PlatformException> tooLarge, CancellationToken cancellationToken)
    {
        long bytes = 0;
        await AtomicFile.WriteAsync(path, async stream =>
        {
            var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                while (await content.ReadAsync(buffer, cancellationToken) is var read and > 0)
                {
                    bytes += read;
                    if (bytes > most) throw tooLarge(most);
                    await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                }
            }
            finally
            {
                System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
            }
        });
        return bytes;
    }

    /// <summary>Makes received bytes an upload of the owner.</summary>
    public async Task<FileRow> KeepAsync(string id, long bytes, string ownerId, string name, string purpose, CancellationToken cancellationToken)
    {
        var row = Row(id, bytes, ownerId, name, purpose);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Files.Add(row);
        await context.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <summary>The row that makes received bytes an upload once it is stored.</summary>
    public FileRow Row(string id, long bytes, string ownerId, string name, string purpose) =>
        new() { PublicId = id, OwnerId = ownerId, Name = name, Purpose = purpose, Bytes = bytes, CreatedAt = time.GetUtcNow() };

    /// <summary>Forgets received bytes.</summary>
    public void Drop(string id) => File.Delete(folders.File(id));

    /// <summary>A page of the owner's files.</summary>
    /// <exception cref="PlatformException">There is no file <paramref name="after"/>.</exception>
    public async Task<IReadOnlyList<FileRow>> ListAsync(string ownerId, string? purpose, string? after, bool oldestFirst, int limit, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = context.Files.AsNoTracking().Where(row => row.OwnerId == ownerId);
        if (purpose is not null) rows = rows.Where(row => row.Purpose == purpose);
        if (!string.IsNullOrEmpty(after))
        {
            var last = await FindAsync(ownerId, after, cancellationToken) ?? throw PlatformException.Invalid("after", $"after: there is no file {PlatformException.Shown(after)}");
            rows = rows.Where(row => oldestFirst ? row.Id > last.Id : row.Id < last.Id);
        }

        return await (oldestFirst ? rows.OrderBy(row => row.Id) : rows.OrderByDescending(row => row.Id)).Take(limit).ToListAsync(cancellationToken);
    }

    public async Task<FileRow?> FindAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Files.AsNoTracking().Of(ownerId, id).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>The owner's file.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<FileRow> GetAsync(string ownerId, string id, CancellationToken cancellationToken) =>
        await FindAsync(ownerId, id, cancellationToken) ?? throw PlatformException.NotFound("File", id);

    public async Task DeleteAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var row = await GetAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Files.Where(file => file.Id == row.Id).ExecuteDeleteAsync(cancellationToken);
        Drop(row.PublicId);
    }

    public FileStream Open(FileRow row) =>
        new(folders.File(row.PublicId), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferSize, FileOptions.Asynchronous | FileOptions.SequentialScan);
}
