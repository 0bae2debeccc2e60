namespace Qianfan.Portal.Features.Services;

/// <summary>Marks the feature's texts: <c>IStringLocalizer&lt;ServicesText&gt;</c>.</summary>
public sealed class ServicesText;
