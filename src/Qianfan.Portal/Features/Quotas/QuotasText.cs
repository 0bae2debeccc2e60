namespace Qianfan.Portal.Features.Quotas;

/// <summary>Marks the resources of the feature.</summary>
public sealed class QuotasText;
