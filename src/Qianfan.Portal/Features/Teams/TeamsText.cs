namespace Qianfan.Portal.Features.Teams;

/// <summary>Marks the resources of the feature.</summary>
public sealed class TeamsText;
