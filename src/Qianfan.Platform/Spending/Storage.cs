using System.Collections.Concurrent;
using System.IO.Enumeration;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Files;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Spending;

/// <summary>Holds owners to their bytes: room for what is uploaded or imported is reserved before it is stored. Thread-safe.</summary>
internal sealed class Storage(IPlatformAccess access, IDbContextFactory<PlatformDbContext> contexts, DataFolders folders, TimeProvider time) : IDisposable
{
    private const long Step = 8L << 20;

    private readonly ConcurrentDictionary<string, Gate> _gates = new(StringComparer.Ordinal);

    /// <summary>Reserves room until what fills it stands in the database.</summary>
    /// <param name="ownerId">The owner.</param>
    /// <param name="bytes">How much, as far as it is known; more can be had later.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="PlatformException">There is not so much left.</exception>
    public async Task<Room> ReserveAsync(string ownerId, long bytes, CancellationToken cancellationToken)
    {
        var quotas = await access.FindQuotasAsync(ownerId, cancellationToken);
        var room = new Room(this, [.. quotas.Where(quota => quota.StorageBytes is not null)]);
        try
        {
            await room.GrowAsync(bytes, bytes, cancellationToken);
            return room;
        }
        catch
        {
            room.Dispose();
            throw;
        }
    }

    /// <summary>What owners have stored: files, announced uploads, datasets, tasks, models.</summary>
    public async Task<long> UsedAsync(IReadOnlyList<string> owners, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var used = await context.Files.Where(row => owners.Contains(row.OwnerId)).SumAsync(row => row.Bytes, cancellationToken);
        used += await context.Uploads.Where(row => owners.Contains(row.OwnerId) && row.State == UploadState.Pending && row.ExpiresAt > now).SumAsync(row => row.Bytes, cancellationToken);
        used += await context.Datasets.Where(row => owners.Contains(row.OwnerId)).SumAsync(row => row.Bytes, cancellationToken);
        // Rows that are being imported take about as much as the files that they come from.
        var imports = await context.Datasets.Where(row => owners.Contains(row.OwnerId) && row.ImportStatus == DatasetImportStatus.Running).Select(row => row.ImportFiles!).ToListAsync(cancellationToken);
        used += imports.SelectMany(files => JsonSerializer.Deserialize<List<ImportSource>>(files, PlatformJson.Options)!).Sum(source => source.Bytes());
        foreach (var task in await context.Tasks.Where(row => owners.Contains(row.OwnerId)).Select(row => row.PublicId).ToListAsync(cancellationToken)) used += FolderBytes(folders.Task(task));
        foreach (var model in await context.ModelVersions.Where(row => owners.Contains(row.OwnerId)).Select(row => row.PublicId).ToListAsync(cancellationToken)) used += FolderBytes(folders.Model(model));
        return used;
    }

    public void Dispose()
    {
        foreach (var gate in _gates.Values) gate.Dispose();
    }

    private static long FolderBytes(string path) => Directory.Exists(path)
        ? new FileSystemEnumerable<long>(path, (ref FileSystemEntry entry) => entry.IsDirectory ? 0 : entry.Length, new EnumerationOptions { RecurseSubdirectories = true }).Sum()
        : 0;

    private async Task<long> TakeAsync(PlatformQuota quota, long bytes, long wish, CancellationToken cancellationToken)
    {
        var gate = _gates.GetOrAdd(quota.Account, _ => new Gate());
        await gate.Lock.WaitAsync(cancellationToken);
        try
        {
            // First what is reserved: what is stored meanwhile counts twice then. The other way round it would not count at all, being no longer reserved and not yet seen.
            var reserved = Interlocked.Read(ref gate.Reserved);
            var left = quota.StorageBytes!.Value - await UsedAsync(quota.Owners, cancellationToken) - reserved;
            if (left < bytes) throw new PlatformException(PlatformError.StorageExceeded, $"You exceeded your storage quota of {quota.StorageBytes} bytes: this needs {bytes} more, and {Math.Max(0, left)} are left; delete files, datasets, tasks or models");
            var taken = Math.Min(left, Math.Max(bytes, wish));
            Interlocked.Add(ref gate.Reserved, taken);
            return taken;
        }
        finally
        {
            gate.Lock.Release();
        }
    }

    private void GiveBack(PlatformQuota quota, long bytes) => Interlocked.Add(ref _gates[quota.Account].Reserved, -bytes);

    /// <summary>What is reserved of an account in this process; whoever asks for more waits for the one before.</summary>
    private sealed class Gate : IDisposable
    {
        public readonly SemaphoreSlim Lock = new(1, 1);
        public long Reserved;

        public void Dispose() => Lock.Dispose();
    }

    /// <summary>Reserved room. Disposed when what filled it is stored, or is not going to be.</summary>
    internal sealed class Room(Storage storage, IReadOnlyList<PlatformQuota> quotas) : IDisposable
    {
        private readonly long[] _taken = new long[quotas.Count];

        /// <summary>Makes it at least so large.</summary>
        /// <param name="bytes">What it has to be.</param>
        /// <param name="wish">What it may be, if there is as much: so that it is not asked for often.</param>
        /// <param name="cancellationToken">Cancels it.</param>
        /// <exception cref="PlatformException">There is not so much left.</exception>
        public async ValueTask GrowAsync(long bytes, long wish, CancellationToken cancellationToken)
        {
            for (var i = 0; i < _taken.Length; i++)
            {
                if (_taken[i] < bytes) _taken[i] += await storage.TakeAsync(quotas[i], bytes - _taken[i], wish - _taken[i], cancellationToken);
            }
        }

        /// <summary>A stream whose bytes need room: reading more than there is fails.</summary>
        /// <param name="content">The bytes.</param>
        /// <param name="most">How many there can be, where that is known.</param>
        public Stream Fill(Stream content, long? most) => quotas.Count == 0 ? content : new FillingStream(this, content, most);

        public void Dispose()
        {
            for (var i = 0; i < _taken.Length; i++)
            {
                if (_taken[i] > 0) storage.GiveBack(quotas[i], _taken[i]);
                _taken[i] = 0;
            }
        }
    }

    private sealed class FillingStream(Room room, Stream content, long? most) : ForwardStream
    {
        private long _read;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            _read += read;
            await room.GrowAsync(_read, most ?? _read + Step, cancellationToken);
            return read;
        }
    }
}
