namespace Qianfan.Portal.Components.Shared;

/// <summary>Marks the resources that all pages share: <c>IStringLocalizer&lt;SharedText&gt;</c>.</summary>
public sealed class SharedText;
