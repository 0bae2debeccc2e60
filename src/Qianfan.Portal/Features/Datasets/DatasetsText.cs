namespace Qianfan.Portal.Features.Datasets;

/// <summary>Marks the feature's texts: <c>IStringLocalizer&lt;DatasetsText&gt;</c>.</summary>
public sealed class DatasetsText;
