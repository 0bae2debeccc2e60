namespace Qianfan.Portal.Features.Models;

/// <summary>Marks the feature's texts: <c>IStringLocalizer&lt;ModelsText&gt;</c>.</summary>
public sealed class ModelsText;
