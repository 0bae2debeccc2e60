using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>The project's datasets, and the upload of new ones.</summary>
public sealed partial class DatasetListPage
{
    private DatasetList? _list;

    [Inject] public required DatasetService Datasets { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<DatasetsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter] public Guid ProjectId { get; set; }

    protected override Task OnParametersSetAsync() =>
        LoadAsync(async (actor, token) => _list = await Datasets.ListAsync(actor, ProjectId, token));

    private void Open(Guid datasetId) => Navigation.NavigateTo(Urls.Dataset(ProjectId, datasetId));
}
