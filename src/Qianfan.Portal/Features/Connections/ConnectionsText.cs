namespace Qianfan.Portal.Features.Connections;

/// <summary>Marks the resources of the feature.</summary>
public sealed class ConnectionsText;
