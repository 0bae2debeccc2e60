using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>One run: its state over the circuit, at most four times a second; its events from the hub straight to the browser.</summary>
public sealed partial class RunPage : PortalPage
{
    private RunDetails? _details;
    private Guid _shown;
    private CancellationTokenSource? _watching;
    private bool _busy;

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid RunId { get; set; }
    [CascadingParameter] public ProjectContext? Project { get; set; }
    [Inject] public required RunService Runs { get; init; }
    [Inject] public required RunEventFeed Feed { get; init; }
    [Inject] public required TimeProvider Time { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<RunsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private string TryIt => Text[_details?.ServiceType == nameof(ServiceType.Completion) ? "WriteOn" : "Chat"];

    private bool CanEdit => Project?.Allows(Permission.EditRuns) ?? false;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_shown == RunId)
            return;
        _shown = RunId;
        _details = null;
        await EndWatchingAsync();
        await LoadRunAsync();
        if (LoadError is not null || Closing.IsCancellationRequested)
            return;
        _watching = CancellationTokenSource.CreateLinkedTokenSource(Closing);
        Watching = WatchAsync(ProjectId, RunId, _watching.Token);
        // What changed between the first reading and the registration.
        await LoadRunAsync();
    }

    /// <summary>The loop that hears of changes; for tests.</summary>
    internal Task Watching { get; private set; } = Task.CompletedTask;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            _watching?.Dispose();
    }

    private Task LoadRunAsync() => LoadAsync(async (actor, cancellationToken) => _details = await Runs.GetAsync(actor, ProjectId, RunId, cancellationToken));

    private async Task EndWatchingAsync()
    {
        if (_watching is null)
            return;
        await _watching.CancelAsync();
        await Watching;
        _watching.Dispose();
        _watching = null;
    }

    private async Task WatchAsync(Guid projectId, Guid runId, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var changes in Feed.ReadChangesAsync(projectId, cancellationToken))
                if (changes.FirstOrDefault(c => c.RunId == runId) is { } change)
                    await InvokeAsync(() => ApplyAsync(change));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Another run is shown, or the page was left.
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }

    private async Task ApplyAsync(RunChange change)
    {
        if (change.Reload || _details is null)
            await LoadRunAsync();
        else
            _details = _details with { Run = _details.Run with { Status = change.Status, Progress = change.Progress } };
        StateHasChanged();
    }

    private Task<bool> StopAsync() => DoAsync((actor, token) => Runs.StopAsync(actor, ProjectId, RunId, token));

    private Task<bool> ResumeAsync() => DoAsync((actor, token) => Runs.ResumeAsync(actor, ProjectId, RunId, token));

    private async Task DeleteAsync()
    {
        var (name, readOnly) = (_details!.Run.Name, _details.Run.Kind.IsReadOnly());
        var (title, text, button) = readOnly
            ? (Text["Remove_Title", name], Text["Remove_Text"], Text["Remove"])
            : (Text["Delete_Title", name], Text["Delete_Text"], Shared["Delete"]);
        if (await Dialogs.ConfirmAsync(title, text, button)
            && await DoAsync((actor, token) => Runs.DeleteAsync(actor, ProjectId, RunId, token), reload: false))
            Navigation.NavigateTo(Urls.Runs(ProjectId));
    }

    private async Task<bool> DoAsync(Func<Actor, CancellationToken, Task> action, bool reload = true)
    {
        _busy = true;
        try
        {
            await action(await ActorAsync(), Closing);
            if (reload)
                await LoadRunAsync();
            return true;
        }
        catch (UserErrorException e)
        {
            Snackbar.Add(ErrorText.Of(e, Text), Severity.Error);
            return false;
        }
        finally
        {
            _busy = false;
        }
    }

    private string Subtitle(RunSummary run)
    {
        var about = run.Kind is RunKind.Deploy ? Text["DeployOf", _details!.Config.ModelName] : run.DatasetName is { } dataset ? $"{run.BaseModel} · {dataset}" : run.BaseModel;
        return run.StartedAt is null ? about : $"{about} · {Durations.Of(run, Time.GetUtcNow())}";
    }

    // An action that was under way when its run ended is not under way any more, whatever it told last.
    private static object ShownState(string state, RunStatus status) =>
        state is "Running" or "Preceding" && status is RunStatus.Interrupted or RunStatus.Stopped or RunStatus.Failed ? RunStatus.Interrupted : state;

    private static string ShortName(string action) => action switch
    {
        RunActions.LoadDataSetAction => "Load",
        RunActions.TrainAction => "Train",
        RunActions.ModelPublishAction => "Publish",
        _ => "Deploy",
    };

    private static string IconOf(string action) => action switch
    {
        RunActions.LoadDataSetAction => Icons.Material.Outlined.Dataset,
        RunActions.TrainAction => Icons.Material.Outlined.ModelTraining,
        RunActions.ModelPublishAction => Icons.Material.Outlined.ViewInAr,
        _ => Icons.Material.Outlined.Dns,
    };

    private IEnumerable<(string Name, string Value)> Configuration(RunDetails details)
    {
        var config = details.Config;
        yield return (Text["Connection"], Shared.ConnectionName(details.ConnectionName));
        yield return (Text["BaseModel"], details.Run.BaseModel);
        if (details.Run.DatasetName is { } dataset)
            yield return (Text["Dataset"], dataset);
        if (details.Run.Kind is not RunKind.Deploy)
            yield return (Text["Method"], config.Train.PeftType is { Value: { Length: > 0 } peft } ? Text[$"Method_{peft}"] is { ResourceNotFound: false } known ? known.Value : peft : Text["ByDefault"]);
        if (details.Run.Kind is RunKind.FineTune)
        {
            yield return (Text["Param_validationPercent"], string.Create(CultureInfo.CurrentCulture, $"{config.Train.TrainsetRate} %"));
            foreach (var (key, value) in config.Train.ToHyperParameters())
                yield return (Text[$"Param_{key}"], value?.ToString() ?? "–");
            if (config.Train.ToHyperParameters().Count == 0)
                yield return (Text["Parameters"], Text["ByDefault"]);
            yield return (Text["ModelName"], config.ModelName.Length > 0 ? config.ModelName : details.Run.Name);
        }

        if (details.Run.StartedByKey is { } keyName)
        {
            yield return (Text["Task"], details.TaskId ?? "–");
            yield return (Text["StartedBy"], Text["ApiKey", keyName]);
            yield break;
        }

        yield return (Text["Deploy"], config.Deploy ? Text["Yes"] : Text["No"]);
        yield return (Text["StartedBy"], details.Run.ByName ?? "–");
    }
}
