using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Runs;

/// <summary>A project's runs, as they are now: changes come from the feed.</summary>
public sealed partial class RunListPage : PortalPage
{
    private const int PageSize = 25;
    private static readonly RunStatus[] s_filters = [RunStatus.Running, RunStatus.Queued, RunStatus.Done, RunStatus.Failed, RunStatus.Stopped];

    private RunPageOf? _runs;
    private Task? _watching;
    private bool _hasDatasets = true;
    private Guid _loadedProject;
    private Guid? _openedFor;

    [Parameter] public Guid ProjectId { get; set; }

    /// <summary>Only runs of this status.</summary>
    [SupplyParameterFromQuery(Name = "status")] public string? Status { get; set; }

    /// <summary>From 1.</summary>
    [SupplyParameterFromQuery(Name = "page")] public int? PageNumber { get; set; }

    /// <summary>Opens the dialog for a new run with this dataset chosen.</summary>
    [SupplyParameterFromQuery(Name = "dataset")] public Guid? NewWithDataset { get; set; }

    [CascadingParameter] public ProjectContext? Project { get; set; }
    [Inject] public required RunService Runs { get; init; }
    [Inject] public required RunEventFeed Feed { get; init; }
    [Inject] public required TimeProvider Time { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<RunsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private bool CanEdit => Project?.Allows(Permission.EditRuns) ?? false;

    private int CurrentPage => Math.Max(1, PageNumber ?? 1);

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_loadedProject != ProjectId)
            _runs = null;
        await LoadRunsAsync();
        if (LoadError is not null)
            return;
        _loadedProject = ProjectId;
        _watching ??= WatchAsync();
        // Asked for by the address, once. The address stays until the dialog is closed: going elsewhere would close it.
        if (NewWithDataset is { } dataset && dataset != _openedFor)
        {
            _openedFor = dataset;
            // The navigation that led here is still being told to everybody, and whoever hears of it closes dialogs.
            await Task.Yield();
            await OpenDialogAsync(dataset);
        }
    }

    private Task LoadRunsAsync() => LoadAsync(async (actor, cancellationToken) =>
    {
        var status = Enum.TryParse<RunStatus>(Status, out var parsed) ? parsed : (RunStatus?)null;
        _runs = await Runs.ListAsync(actor, ProjectId, status, (CurrentPage - 1) * PageSize, PageSize, cancellationToken);
        if (_runs.Total == 0 && status is null)
            _hasDatasets = (await Runs.DatasetsAsync(actor, ProjectId, cancellationToken)).Count > 0;
    });

    // The feed tells at most four times a second, so that is how often the page is drawn.
    private async Task WatchAsync()
    {
        try
        {
            await foreach (var changes in Feed.ReadChangesAsync(ProjectId, Closing))
                await InvokeAsync(() => ApplyAsync(changes));
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            // The page was left.
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }

    private async Task ApplyAsync(IReadOnlyCollection<RunChange> changes)
    {
        if (_runs is null || changes.Any(c => c.Reload))
        {
            await LoadRunsAsync();
        }
        else
        {
            var byId = changes.ToDictionary(c => c.RunId);
            _runs = _runs with { Runs = [.. _runs.Runs.Select(r => byId.TryGetValue(r.Id, out var c) ? r with { Status = c.Status, Progress = c.Progress } : r)] };
        }

        StateHasChanged();
    }

    private async Task OpenDialogAsync(Guid? datasetId)
    {
        var parameters = new DialogParameters<StartRunDialog> { { d => d.ProjectId, ProjectId }, { d => d.DatasetId, datasetId } };
        var options = new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true, CloseOnEscapeKey = true, CloseButton = true };
        var dialog = await Dialogs.ShowAsync<StartRunDialog>(Text["NewRun"], parameters, options);
        if (await dialog.Result is { Canceled: false, Data: Guid runId })
            Navigation.NavigateTo(Urls.Run(ProjectId, runId));
        else if (datasetId is not null && Navigation.Uri.EndsWith($"dataset={datasetId}", StringComparison.Ordinal))
            Navigation.NavigateTo(Urls.Runs(ProjectId), replace: true);
    }

    private void GoTo(int page) => Navigation.NavigateTo(HrefOf(Enum.TryParse<RunStatus>(Status, out var status) ? status : null, page));

    private string HrefOf(RunStatus? status, int page) => Navigation.GetUriWithQueryParameters(Navigation.ToAbsoluteUri(Urls.Runs(ProjectId)).ToString(), new Dictionary<string, object?>
    {
        ["status"] = status?.ToString(),
        ["page"] = page > 1 ? page : null,
    });

    private string About(RunSummary run) => run.Kind is RunKind.Deploy
        ? Text["DeployOf", run.BaseModel]
        : run.DatasetName is { } dataset ? $"{run.BaseModel} · {dataset}" : run.BaseModel;

    private static Color ColorOf(RunStatus status) => status switch
    {
        RunStatus.Done => Color.Success,
        RunStatus.Failed => Color.Error,
        RunStatus.Stopping or RunStatus.Interrupted => Color.Warning,
        RunStatus.Running => Color.Primary,
        _ => Color.Default,
    };
}
