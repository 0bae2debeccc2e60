namespace Qianfan.Portal.Features.Admin;

/// <summary>Marks the resources of the feature.</summary>
public sealed class AdminText;
