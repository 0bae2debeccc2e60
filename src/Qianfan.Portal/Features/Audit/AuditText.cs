namespace Qianfan.Portal.Features.Audit;

/// <summary>Marks the resources of the feature.</summary>
public sealed class AuditText;
