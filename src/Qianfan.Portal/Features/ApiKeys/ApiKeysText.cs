namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>Marks the resources of the feature.</summary>
public sealed class ApiKeysText;
