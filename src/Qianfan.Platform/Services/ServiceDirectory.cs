using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.Services;

/// <summary>The services as calls find them: those of an owner are read once and remembered until a service changes. Whatever changes services does it here. Thread-safe.</summary>
/// <remarks>A data folder belongs to one process, so nobody else changes them. While a change is under way nothing is remembered: no call finds what somebody has already seen changed.</remarks>
internal sealed class ServiceDirectory(IDbContextFactory<PlatformDbContext> contexts, DataFolders folders)
{
    private readonly Lock _lock = new();

    // By owner; null while something changes. Whoever reads puts what was found where it was missing: if that was before a change, nobody looks there any more.
    private volatile ConcurrentDictionary<string, Names>? _known = NothingKnown();
    private int _changes;

    /// <summary>The owner's service of this endpoint or id; null when there is none.</summary>
    public async ValueTask<KnownService?> FindAsync(string ownerId, string name, CancellationToken cancellationToken)
    {
        var known = _known;
        if (known is null || !known.TryGetValue(ownerId, out var names))
        {
            names = await ReadAsync(ownerId, cancellationToken);
            if (known is not null) known[ownerId] = names;
        }

        return names.Find(name);
    }

    /// <summary>Changes services, in one transaction. The next call finds them changed.</summary>
    public async Task<T> ChangeAsync<T>(Func<PlatformDbContext, Task<T>> change, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _changes++;
            _known = null;
        }

        try
        {
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
            var result = await change(context);
            await transaction.CommitAsync(cancellationToken);
            return result;
        }
        finally
        {
            lock (_lock)
            {
                if (--_changes == 0) _known = NothingKnown();
            }
        }
    }

    private static ConcurrentDictionary<string, Names> NothingKnown() => new(StringComparer.Ordinal);

    private async Task<Names> ReadAsync(string ownerId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return new Names(await context.Services.AsNoTracking().Include(row => row.Model).Where(row => row.OwnerId == ownerId).ToListAsync(cancellationToken), folders);
    }

    /// <summary>What an owner's services can be called by.</summary>
    private sealed class Names
    {
        private readonly Dictionary<string, KnownService> _byText = new(StringComparer.Ordinal);
        private readonly Dictionary<int, KnownService> _byNumber = [];

        public Names(IEnumerable<ServiceRow> rows, DataFolders folders)
        {
            foreach (var row in rows)
            {
                var service = new KnownService(row.PublicId, row.UrlSuffix, row.Name, row.Kind, row.State, row.Error, row.Replicas, ModelSpec.Of(row.Model, folders));
                // Should an endpoint look like the id of another service, the endpoint counts.
                _byText[row.UrlSuffix] = service;
                _byText.TryAdd(row.PublicId, service);
                _byNumber[row.Id] = service;
            }
        }

        public KnownService? Find(string name) => _byText.GetValueOrDefault(name) ?? _byNumber.GetValueOrDefault(OwnedRows.ParseId(name));
    }
}

/// <summary>A service as calls find it.</summary>
/// <param name="Id"><c>svco-...</c>.</param>
/// <param name="Endpoint">Last part of its address.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Kind">What it answers.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Replicas">Requests that may decode at once.</param>
/// <param name="Model">What answers.</param>
internal sealed record KnownService(string Id, string Endpoint, string Name, ServiceKind Kind, ServiceState State, string? Error, int Replicas, ModelSpec Model);
