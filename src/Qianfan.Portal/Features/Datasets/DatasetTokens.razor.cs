using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>How many tokens the rows of a dataset have, by base model: asked of its platform after the page is there.</summary>
public sealed partial class DatasetTokens
{
    private IReadOnlyList<DatasetTokenStatistics>? _tokens;

    [Inject] public required DatasetService Datasets { get; init; }
    [Inject] public required IStringLocalizer<DatasetsText> Text { get; init; }

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid DatasetId { get; set; }

    protected override Task OnParametersSetAsync() =>
        LoadAsync(async (actor, token) => _tokens = await Datasets.TokensAsync(actor, ProjectId, DatasetId, token));

    private static string Number(long value) => value.ToString("N0", CultureInfo.CurrentCulture);
}
