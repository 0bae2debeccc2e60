using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Connections;

/// <summary>A connection as pages show it: never with its secret.</summary>
public sealed record ConnectionRow(Guid Id, string Name, ConnectionKind Kind, string? ConsoleUrl, string AccessKey, string? BosBucket, int Datasets, int Runs, int Models, int Services, DateTimeOffset CreatedAt);

/// <summary>What somebody gives to make a connection.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Another portal, or the cloud.</param>
/// <param name="ConsoleUrl">Address of the other portal; null for the cloud.</param>
/// <param name="AccessKey">Access key there.</param>
/// <param name="SecretKey">Secret key there.</param>
/// <param name="BosBucket">For the cloud: bucket that rows go through; null to upload none.</param>
public sealed record NewConnection(string Name, ConnectionKind Kind, string? ConsoleUrl, string AccessKey, string SecretKey, string? BosBucket);

/// <summary>Platforms and the credentials for them. Thread-safe.</summary>
public sealed class ConnectionService(IDbContextFactory<PortalDbContext> contexts, SecretProtector secrets, AuditLog audit, TimeProvider time)
{
    private const int LongestKey = 128;
    private const int LongestUrl = 400;

    /// <summary>The project's connections; the built-in platform's first.</summary>
    public async Task<IReadOnlyList<ConnectionRow>> ListAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        return await db.Connections.VisibleTo(actor).Where(c => c.ProjectId == projectId)
            .OrderBy(c => c.CreatedAt)
            .Select(c => new ConnectionRow(
                c.Id,
                c.Name,
                c.Kind,
                c.ConsoleUrl,
                // The built-in platform's key is the portal's own business.
                c.Kind == ConnectionKind.Embedded ? "" : c.AccessKey,
                c.BosBucket,
                db.Datasets.Count(d => d.ConnectionId == c.Id),
                db.Runs.Count(r => r.ConnectionId == c.Id),
                db.ModelSets.Count(m => m.ConnectionId == c.Id),
                db.Services.Count(s => s.ConnectionId == c.Id),
                c.CreatedAt))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Adds a connection.</summary>
    /// <exception cref="UserErrorException">Something of it won't do: the name, the address (<c>AddressInvalid</c>), the keys (<c>KeysRequired</c>).</exception>
    public async Task<Guid> CreateAsync(Actor actor, Guid projectId, NewConnection wanted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        if (wanted.Kind is ConnectionKind.Embedded)
            throw new UserErrorException("ConnectionBuiltIn");
        var name = Names.Require(wanted.Name);
        var (accessKey, secretKey) = RequireKeys(wanted.AccessKey, wanted.SecretKey);
        if (await db.Connections.AnyAsync(c => c.ProjectId == projectId && c.Name == name, cancellationToken))
            throw new UserErrorException("NameTaken", name);
        var connection = new Connection
        {
            ProjectId = projectId,
            Name = name,
            Kind = wanted.Kind,
            ConsoleUrl = wanted.Kind is ConnectionKind.Portal ? RequireAddress(wanted.ConsoleUrl) : null,
            AccessKey = accessKey,
            ProtectedSecretKey = secrets.Protect(secretKey),
            BosBucket = wanted.Kind is ConnectionKind.Cloud && wanted.BosBucket?.Trim() is { Length: > 0 } bucket ? Names.Require(bucket) : null,
            CreatedAt = time.GetUtcNow(),
        };
        db.Connections.Add(connection);
        audit.Add(db, actor, AuditActions.ConnectionCreated, (connection.Id, connection.Name), teamId, projectId, new Dictionary<string, string> { ["kind"] = connection.Kind.ToString() });
        await db.SaveChangesAsync(cancellationToken);
        return connection.Id;
    }

    /// <summary>Gives a connection another key pair.</summary>
    public async Task ChangeKeysAsync(Actor actor, Guid projectId, Guid connectionId, string accessKey, string secretKey, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var connection = await FindOwnAsync(db, actor, projectId, connectionId, cancellationToken);
        (connection.AccessKey, secretKey) = RequireKeys(accessKey, secretKey);
        connection.ProtectedSecretKey = secrets.Protect(secretKey);
        audit.Add(db, actor, AuditActions.ConnectionChanged, (connection.Id, connection.Name), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Deletes a connection on which nothing hangs.</summary>
    /// <exception cref="UserErrorException"><c>ConnectionInUse</c> with the numbers of datasets, runs, models and services; <c>ConnectionBuiltIn</c> for the built-in platform.</exception>
    public async Task DeleteAsync(Actor actor, Guid projectId, Guid connectionId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageCredentials, cancellationToken);
        var connection = await FindOwnAsync(db, actor, projectId, connectionId, cancellationToken);
        var datasets = await db.Datasets.CountAsync(d => d.ConnectionId == connectionId, cancellationToken);
        var runs = await db.Runs.CountAsync(r => r.ConnectionId == connectionId, cancellationToken);
        var models = await db.ModelSets.CountAsync(m => m.ConnectionId == connectionId, cancellationToken);
        var services = await db.Services.CountAsync(s => s.ConnectionId == connectionId, cancellationToken);
        if (datasets + runs + models + services > 0)
            throw new UserErrorException("ConnectionInUse", datasets, runs, models, services);
        db.Connections.Remove(connection);
        audit.Add(db, actor, AuditActions.ConnectionDeleted, (connection.Id, connection.Name), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Makes sure that the actor may use a connection.</summary>
    /// <exception cref="NotFoundException">There is no such connection, or it is another team's.</exception>
    internal async Task RequireAsync(Actor actor, Guid projectId, Guid connectionId, Permission permission, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, permission, cancellationToken);
        if (!await db.Connections.VisibleTo(actor).AnyAsync(c => c.Id == connectionId && c.ProjectId == projectId, cancellationToken))
            throw new NotFoundException("connection");
    }

    private static async Task<Connection> FindOwnAsync(PortalDbContext db, Actor actor, Guid projectId, Guid connectionId, CancellationToken cancellationToken)
    {
        var connection = await db.Connections.VisibleTo(actor).SingleOrDefaultAsync(c => c.Id == connectionId && c.ProjectId == projectId, cancellationToken)
            ?? throw new NotFoundException("connection");
        return connection.Kind is not ConnectionKind.Embedded ? connection : throw new UserErrorException("ConnectionBuiltIn");
    }

    private static (string AccessKey, string SecretKey) RequireKeys(string accessKey, string secretKey)
    {
        var (access, secret) = ((accessKey ?? "").Trim(), (secretKey ?? "").Trim());
        return access.Length is > 0 and <= LongestKey && secret.Length is > 0 and <= LongestKey ? (access, secret) : throw new UserErrorException("KeysRequired", LongestKey);
    }

    private static string RequireAddress(string? address)
    {
        var trimmed = address?.Trim().TrimEnd('/') ?? "";
        return trimmed.Length <= LongestUrl && Uri.TryCreate(trimmed, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            ? trimmed
            : throw new UserErrorException("AddressInvalid");
    }
}
