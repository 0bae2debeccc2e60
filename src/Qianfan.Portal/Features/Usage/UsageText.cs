namespace Qianfan.Portal.Features.Usage;

/// <summary>Marks the resources of the feature.</summary>
public sealed class UsageText;
