namespace Qianfan.Portal.Features.Projects;

/// <summary>Marks the resources of the feature.</summary>
public sealed class ProjectsText;
