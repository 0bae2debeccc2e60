using Qianfan.Portal.Data;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Projects;

/// <summary>Adds a project with what it can't do without: the portal's own key for the embedded platform, and the connection that uses it. Thread-safe.</summary>
public sealed class ProjectCreator(SecretProtector secrets, TimeProvider time, AuditLog audit)
{
    /// <summary>Name of the connection that every project has.</summary>
    public const string EmbeddedConnectionName = "Built-in platform";

    /// <summary>Adds it to the context; the caller saves.</summary>
    /// <exception cref="UserErrorException">The name won't do.</exception>
    public Project Add(PortalDbContext db, Actor actor, Guid teamId, string name)
    {
        ArgumentNullException.ThrowIfNull(db);
        var now = time.GetUtcNow();
        var project = new Project { TeamId = teamId, Name = Names.Require(name), CreatedAt = now };
        db.Projects.Add(project);

        var (accessKey, secretKey) = KeyPairs.New();
        db.ApiKeys.Add(new ApiKey { ProjectId = project.Id, Name = "portal", AccessKey = accessKey, ProtectedSecretKey = secrets.Protect(secretKey), Hidden = true, CreatedAt = now });
        db.Connections.Add(new Connection
        {
            ProjectId = project.Id,
            Name = EmbeddedConnectionName,
            Kind = ConnectionKind.Embedded,
            AccessKey = accessKey,
            ProtectedSecretKey = secrets.Protect(secretKey),
            CreatedAt = now,
        });
        audit.Add(db, actor, AuditActions.ProjectCreated, (project.Id, project.Name), teamId, project.Id);
        return project;
    }

    /// <summary>Adds a key that somebody chose; the caller saves.</summary>
    /// <exception cref="UserErrorException"><c>KeyPairShape</c>: it can't be sent as <c>bce-v3/{access key}/{secret key}</c>.</exception>
    public ApiKey AddKey(PortalDbContext db, Actor actor, Project project, string name, string accessKey, string secretKey)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(project);
        if (!IsKeyPart(accessKey) || !IsKeyPart(secretKey))
            throw new UserErrorException("KeyPairShape");
        var key = new ApiKey
        {
            ProjectId = project.Id,
            Name = name,
            AccessKey = accessKey,
            ProtectedSecretKey = secrets.Protect(secretKey),
            CreatedById = actor.Id,
            CreatedAt = time.GetUtcNow(),
        };
        db.ApiKeys.Add(key);
        audit.Add(db, actor, AuditActions.ApiKeyCreated, (key.Id, key.Name), project.TeamId, project.Id, new Dictionary<string, string> { ["accessKey"] = accessKey, ["scopes"] = key.Scopes.ToString() });
        return key;
    }

    private static bool IsKeyPart(string value) => value.Length is >= 8 and <= 64 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
