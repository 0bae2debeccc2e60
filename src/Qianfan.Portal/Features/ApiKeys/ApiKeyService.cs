using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>A key as pages show it: never with its secret.</summary>
public sealed record ApiKeyRow(Guid Id, string Name, string AccessKey, bool ReadOnly, string? CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt);

/// <summary>A key that was just made: the one time that its secret is shown.</summary>
public sealed record NewApiKey(Guid Id, string Name, string AccessKey, string SecretKey)
{
    /// <summary>The pair as a bearer token.</summary>
    public string BearerToken => $"bce-v3/{AccessKey}/{SecretKey}";
}

/// <summary>A live key, for checking who calls the platform.</summary>
public sealed record LiveApiKey(Guid Id, string AccessKey, string SecretKey, Guid ProjectId, bool ReadOnly);

/// <summary>Makes, lists, revokes and deletes the keys of projects, and finds the key behind a request. Thread-safe.</summary>
public sealed class ApiKeyService(IDbContextFactory<PortalDbContext> contexts, SecretProtector secrets, AuditLog audit, TimeProvider time)
{
    // How long a revocation by another node may go unnoticed; by this one it takes effect at once.
    private static readonly TimeSpan CacheTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan UseInterval = TimeSpan.FromMinutes(1);
    private const int MaxCached = 10_000;

    private readonly ConcurrentDictionary<string, (LiveApiKey? Key, DateTimeOffset Until)> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> _used = new();

    /// <summary>The project's keys, newest first; the portal's own is not among them.</summary>
    public async Task<IReadOnlyList<ApiKeyRow>> ListAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        return await db.ApiKeys.VisibleTo(actor)
            .Where(k => k.ProjectId == projectId && !k.Hidden)
            .OrderByDescending(k => k.CreatedAt)
            .Select(k => new ApiKeyRow(
                k.Id,
                k.Name,
                k.AccessKey,
                k.ReadOnly,
                db.Users.Where(u => u.Id == k.CreatedById).Select(u => u.DisplayName).FirstOrDefault(),
                k.CreatedAt,
                k.LastUsedAt,
                k.RevokedAt))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Makes a key. Its secret is in the result and nowhere else that can be read.</summary>
    public async Task<NewApiKey> CreateAsync(Actor actor, Guid projectId, string name, bool readOnly, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var (accessKey, secretKey) = KeyPairs.New();
        var key = new ApiKey
        {
            ProjectId = projectId,
            Name = Names.Require(name),
            AccessKey = accessKey,
            ProtectedSecretKey = secrets.Protect(secretKey),
            ReadOnly = readOnly,
            CreatedById = actor.Id,
            CreatedAt = time.GetUtcNow(),
        };
        db.ApiKeys.Add(key);
        audit.Add(db, actor, AuditActions.ApiKeyCreated, (key.Id, key.Name), teamId, projectId, new Dictionary<string, string> { ["accessKey"] = accessKey });
        await db.SaveChangesAsync(cancellationToken);
        _cache.TryRemove(accessKey, out _);
        return new NewApiKey(key.Id, key.Name, accessKey, secretKey);
    }

    /// <summary>Makes a key useless, for good. Nothing happens to one that was revoked before.</summary>
    public async Task RevokeAsync(Actor actor, Guid projectId, Guid keyId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var key = await FindAsync(db, actor, projectId, keyId, cancellationToken);
        if (key.RevokedAt is null)
        {
            key.RevokedAt = time.GetUtcNow();
            audit.Add(db, actor, AuditActions.ApiKeyRevoked, (key.Id, key.Name), teamId, projectId, new Dictionary<string, string> { ["accessKey"] = key.AccessKey });
            await db.SaveChangesAsync(cancellationToken);
        }

        _cache.TryRemove(key.AccessKey, out _);
    }

    /// <summary>Deletes a key; whoever uses it is locked out at once.</summary>
    public async Task DeleteAsync(Actor actor, Guid projectId, Guid keyId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var key = await FindAsync(db, actor, projectId, keyId, cancellationToken);
        db.ApiKeys.Remove(key);
        audit.Add(db, actor, AuditActions.ApiKeyDeleted, (key.Id, key.Name), teamId, projectId, new Dictionary<string, string> { ["accessKey"] = key.AccessKey });
        await db.SaveChangesAsync(cancellationToken);
        _cache.TryRemove(key.AccessKey, out _);
    }

    /// <summary>The live key behind an access key, with its secret; null for an unknown, revoked or deleted one. Notes that it was used, at most once a minute.</summary>
    public async ValueTask<LiveApiKey?> FindAsync(string accessKey, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (!_cache.TryGetValue(accessKey, out var cached) || cached.Until <= now)
        {
            cached = (await ReadAsync(accessKey, cancellationToken), now + CacheTime);
            // Unknown keys are remembered too, or guessing would cost a query each; so the cache needs a bound.
            if (_cache.Count >= MaxCached)
                _cache.Clear();
            _cache[accessKey] = cached;
        }

        if (cached.Key is { } key)
            await NoteUseAsync(key.Id, now, cancellationToken);
        return cached.Key;
    }

    /// <summary>Forgets what it knows of a project's keys, after the project was deleted.</summary>
    internal void Forget(IEnumerable<string> accessKeys)
    {
        foreach (var accessKey in accessKeys)
            _cache.TryRemove(accessKey, out _);
    }

    private static async Task<ApiKey> FindAsync(PortalDbContext db, Actor actor, Guid projectId, Guid keyId, CancellationToken cancellationToken) =>
        await db.ApiKeys.VisibleTo(actor).SingleOrDefaultAsync(k => k.Id == keyId && k.ProjectId == projectId && !k.Hidden, cancellationToken)
        ?? throw new NotFoundException("key");

    private async Task<LiveApiKey?> ReadAsync(string accessKey, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var key = await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(k => k.AccessKey == accessKey && k.RevokedAt == null, cancellationToken);
        return key is null ? null : new LiveApiKey(key.Id, key.AccessKey, secrets.Unprotect(key.ProtectedSecretKey), key.ProjectId, key.ReadOnly);
    }

    private async Task NoteUseAsync(Guid keyId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (_used.TryGetValue(keyId, out var last))
        {
            // Whoever swaps the time in writes it; the others of this minute don't.
            if (now - last < UseInterval || !_used.TryUpdate(keyId, now, last))
                return;
        }
        else if (!_used.TryAdd(keyId, now))
        {
            return;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.ApiKeys.Where(k => k.Id == keyId).ExecuteUpdateAsync(set => set.SetProperty(k => k.LastUsedAt, now), cancellationToken);
    }
}
