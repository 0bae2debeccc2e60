namespace Qianfan.Portal.Features.Runs;

/// <summary>Marks the resources of this feature: <c>IStringLocalizer&lt;RunsText&gt;</c>.</summary>
public sealed class RunsText;
