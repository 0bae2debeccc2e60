using System.Text.Json;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Audit;

/// <summary>Writes audit entries into the context that makes the change, so that both are saved in one transaction or neither is. Thread-safe.</summary>
public sealed class AuditLog(TimeProvider time)
{
    /// <summary>Adds an entry; the caller saves.</summary>
    /// <param name="db">The context that holds the change.</param>
    /// <param name="actor">Who changes it.</param>
    /// <param name="action">One of <see cref="AuditActions"/>.</param>
    /// <param name="subject">Id and name of what is changed.</param>
    /// <param name="teamId">The team whose members may read the entry; null for admins alone.</param>
    /// <param name="projectId">The project, if it belongs to one.</param>
    /// <param name="parameters">What the sentence names besides: never a secret.</param>
    public void Add(
        PortalDbContext db,
        Actor actor,
        string action,
        (object Id, string Name) subject,
        Guid? teamId = null,
        Guid? projectId = null,
        IReadOnlyDictionary<string, string>? parameters = null) =>
        db.AuditEntries.Add(new AuditEntry
        {
            Time = time.GetUtcNow(),
            ActorKind = actor.Kind,
            ActorId = actor.Id,
            ActorName = actor.Name,
            Action = action,
            TeamId = teamId,
            ProjectId = projectId,
            SubjectId = subject.Id.ToString(),
            SubjectName = subject.Name,
            ParametersJson = parameters is null ? "{}" : JsonSerializer.Serialize(parameters),
        });
}
