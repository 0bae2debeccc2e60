using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>One dataset: how many rows are good, which are not and why, and what the good ones look like.</summary>
public sealed partial class DatasetPage
{
    private DatasetDetails? _dataset;
    private bool _deleting;
    private bool _exporting;

    [Inject] public required DatasetService Datasets { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<DatasetsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid DatasetId { get; set; }

    protected override Task OnParametersSetAsync()
    {
        _dataset = null;
        return LoadAsync(async (actor, token) => _dataset = await Datasets.GetAsync(actor, ProjectId, DatasetId, token));
    }

    private async Task ExportAsync()
    {
        _exporting = true;
        await TryAsync(async (actor, token) => Navigation.NavigateTo(await Datasets.ExportAsync(actor, ProjectId, DatasetId, token), forceLoad: true));
        _exporting = false;
    }

    private async Task DeleteAsync()
    {
        var dataset = _dataset!;
        var message = dataset.Runs.Count == 0 ? Text["Delete_Text", dataset.GoodRows] : Text["Delete_TextUsed", dataset.GoodRows, dataset.Runs.Count];
        if (!await Dialogs.ConfirmAsync(Text["Delete_Title", dataset.Name], message, Shared["Delete"]))
            return;
        _deleting = true;
        if (await TryAsync((actor, token) => Datasets.DeleteAsync(actor, ProjectId, DatasetId, token)))
        {
            Snackbar.Add(Text["Delete_Done", dataset.Name], Severity.Success);
            Navigation.NavigateTo(Urls.Datasets(ProjectId));
        }

        _deleting = false;
    }
}
