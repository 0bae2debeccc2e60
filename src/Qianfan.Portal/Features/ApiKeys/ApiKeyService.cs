using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>A key as pages show it: never with its secret.</summary>
public sealed record ApiKeyRow(Guid Id, string Name, string AccessKey, KeyScopes Scopes, string? CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, ApiUses Uses, DateTimeOffset? RevokedAt);

/// <summary>When a key last called each generation of APIs; null is never.</summary>
public sealed record ApiUses(DateTimeOffset? V1, DateTimeOffset? V2, DateTimeOffset? OpenAI)
{
    /// <summary>Those it has called.</summary>
    public IEnumerable<(string Api, DateTimeOffset At)> All =>
        new (string Api, DateTimeOffset? At)[] { ("V1", V1), ("V2", V2), ("OpenAI", OpenAI) }.Where(use => use.At is not null).Select(use => (use.Api, use.At!.Value));
}

/// <summary>A key that was just made: the one time that its secret is shown.</summary>
public sealed record NewApiKey(Guid Id, string Name, string AccessKey, string SecretKey)
{
    /// <summary>The pair as a bearer token.</summary>
    public string BearerToken => $"bce-v3/{AccessKey}/{SecretKey}";
}

/// <summary>A live key, for checking who calls the platform.</summary>
public sealed record LiveApiKey(Guid Id, string AccessKey, string SecretKey, Guid ProjectId, KeyScopes Scopes);

/// <summary>Makes, lists, revokes and deletes the keys of projects, and finds the key behind a request. Thread-safe.</summary>
public sealed class ApiKeyService(IDbContextFactory<PortalDbContext> contexts, SecretProtector secrets, AuditLog audit, TimeProvider time)
{
    // How long a revocation by another node may go unnoticed; by this one it takes effect at once.
    private static readonly TimeSpan CacheTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan UseInterval = TimeSpan.FromMinutes(1);
    private const int MaxCached = 10_000;

    private readonly ConcurrentDictionary<string, (LiveApiKey? Key, DateTimeOffset Until)> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string AccessKey, ApiGeneration Api), DateTimeOffset> _used = new();

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
                k.Scopes,
                db.Users.Where(u => u.Id == k.CreatedById).Select(u => u.DisplayName).FirstOrDefault(),
                k.CreatedAt,
                k.LastUsedAt,
                new ApiUses(k.LastV1At, k.LastV2At, k.LastOpenAIAt),
                k.RevokedAt))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Makes a key. Its secret is in the result and nowhere else that can be read.</summary>
    /// <param name="actor">Who makes it.</param>
    /// <param name="projectId">The project that it acts for.</param>
    /// <param name="name">What people call it.</param>
    /// <param name="scopes">What it may do: one of <see cref="ApiKeyScopes.Choices"/>.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public async Task<NewApiKey> CreateAsync(Actor actor, Guid projectId, string name, KeyScopes scopes, CancellationToken cancellationToken)
    {
        if (ApiKeyScopes.Choices.All(choice => choice.Scopes != scopes))
            throw new ArgumentOutOfRangeException(nameof(scopes), scopes, "Not among the choices.");
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var (accessKey, secretKey) = KeyPairs.New();
        var key = new ApiKey
        {
            ProjectId = projectId,
            Name = Names.Require(name),
            AccessKey = accessKey,
            ProtectedSecretKey = secrets.Protect(secretKey),
            Scopes = scopes,
            CreatedById = actor.Id,
            CreatedAt = time.GetUtcNow(),
        };
        db.ApiKeys.Add(key);
        audit.Add(db, actor, AuditActions.ApiKeyCreated, (key.Id, key.Name), teamId, projectId, new Dictionary<string, string> { ["accessKey"] = accessKey, ["scopes"] = scopes.ToString() });
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

    /// <summary>The live key behind an access key, with its secret; null for an unknown, revoked or deleted one.</summary>
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

        return cached.Key;
    }

    /// <summary>Notes that a key has called a generation of APIs, at most once a minute.</summary>
    public async ValueTask NoteUseAsync(string accessKey, ApiGeneration api, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_used.TryGetValue((accessKey, api), out var last))
        {
            // Whoever swaps the time in writes it; the others of this minute don't.
            if (now - last < UseInterval || !_used.TryUpdate((accessKey, api), now, last))
                return;
        }
        else if (!_used.TryAdd((accessKey, api), now))
        {
            return;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var key = db.ApiKeys.Where(k => k.AccessKey == accessKey);
        await (api switch
        {
            ApiGeneration.V1 => key.ExecuteUpdateAsync(set => set.SetProperty(k => k.LastUsedAt, now).SetProperty(k => k.LastV1At, now), cancellationToken),
            ApiGeneration.V2 => key.ExecuteUpdateAsync(set => set.SetProperty(k => k.LastUsedAt, now).SetProperty(k => k.LastV2At, now), cancellationToken),
            _ => key.ExecuteUpdateAsync(set => set.SetProperty(k => k.LastUsedAt, now).SetProperty(k => k.LastOpenAIAt, now), cancellationToken),
        });
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
        return key is null ? null : new LiveApiKey(key.Id, key.AccessKey, secrets.Unprotect(key.ProtectedSecretKey), key.ProjectId, key.Scopes);
    }

}
