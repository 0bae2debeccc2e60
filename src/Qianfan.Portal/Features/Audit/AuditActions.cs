namespace Qianfan.Portal.Features.Audit;

/// <summary>What an audit entry can tell of. Codes are never reused; a page renders each in the reader's language.</summary>
public static class AuditActions
{
    public const string SetupDone = "setup.done";
    public const string UserCreated = "user.created";
    public const string UserDeleted = "user.deleted";
    public const string UserLockedOut = "user.locked-out";
    public const string UserRoleChanged = "user.role-changed";
    public const string UserLocked = "user.locked";
    public const string UserUnlocked = "user.unlocked";
    public const string UserPasswordChanged = "user.password-changed";
    public const string UserPasswordReset = "user.password-reset";
    public const string UserRenamed = "user.renamed";
    public const string TeamCreated = "team.created";
    public const string TeamRenamed = "team.renamed";
    public const string TeamDeleted = "team.deleted";
    public const string MemberInvited = "member.invited";
    public const string MemberJoined = "member.joined";
    public const string MemberRoleChanged = "member.role-changed";
    public const string MemberRemoved = "member.removed";
    public const string InvitationRevoked = "invitation.revoked";
    public const string ProjectCreated = "project.created";
    public const string ProjectRenamed = "project.renamed";
    public const string ProjectDeleted = "project.deleted";
    public const string ConnectionCreated = "connection.created";
    public const string ConnectionChanged = "connection.changed";
    public const string ConnectionDeleted = "connection.deleted";
    public const string ApiKeyCreated = "api-key.created";
    public const string ApiKeyRevoked = "api-key.revoked";
    public const string ApiKeyDeleted = "api-key.deleted";
    public const string QuotaChanged = "quota.changed";
    public const string DatasetCreated = "dataset.created";
    public const string DatasetDeleted = "dataset.deleted";
    public const string RunStarted = "run.started";
    public const string RunStopped = "run.stopped";
    public const string RunResumed = "run.resumed";
    public const string RunDeleted = "run.deleted";
    public const string ModelPublished = "model.published";
    public const string ModelDeleted = "model.deleted";
    public const string ModelExported = "model.exported";
    public const string ModelExportDeleted = "model.export-deleted";
    public const string ServiceDeployed = "service.deployed";
    public const string ServiceStopped = "service.stopped";
    public const string ServiceStarted = "service.started";
    public const string ServiceScaled = "service.scaled";
    public const string ServiceSwitched = "service.switched";
    public const string ServiceRolledBack = "service.rolled-back";
    public const string ServiceDeleted = "service.deleted";
}
