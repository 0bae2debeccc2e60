using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;
using Qianfan.Portal.Components.Shared;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Loss curve, counters and log of a run: markup and texts from here, content from the hub by a script on the page. Give it <c>@key</c> when the run changes.</summary>
public sealed partial class RunLiveView : IAsyncDisposable
{
    private static readonly string[] s_taskStatuses = ["Waiting", "Running", "Done", "Failed", "Stopped"];

    private static readonly string[] s_lines =
    [
        TaskLogCodes.Done, TaskLogCodes.Stopped, TaskLogCodes.StoppedBeforeStart, TaskLogCodes.StoppedWhilePaused,
        TaskLogCodes.Restarted, TaskLogCodes.Interrupted, TaskLogCodes.Resumed, TaskLogCodes.Served,
    ];

    private ElementReference _root;
    private IJSObjectReference? _module;
    private IJSObjectReference? _view;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired] public Guid RunId { get; set; }

    /// <summary>Whether there is a training to show, and not only a log.</summary>
    [Parameter] public bool ShowsTraining { get; set; } = true;

    [Inject] public required IJSRuntime Browser { get; init; }
    [Inject] public required IStringLocalizer<RunsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_view is not null)
            {
                await _view.InvokeVoidAsync("dispose");
                await _view.DisposeAsync();
            }

            if (_module is not null)
                await _module.DisposeAsync();
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone, and its connection to the hub with it.
        }
    }

    /// <summary>Never again: the elements are the script's.</summary>
    protected override bool ShouldRender() => false;

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        _module = await Browser.InvokeAsync<IJSObjectReference>("import", "./shared/js/run-view.js");
        _view = await _module.InvokeAsync<IJSObjectReference>("mount", _root, new
        {
            hub = RunEventsHub.Path,
            runId = RunId,
            locale = CultureInfo.CurrentUICulture.Name,
            texts = Texts(),
        });
    }

    private object Texts() => new
    {
        step = T("Step"),
        trainingLoss = T("TrainingLoss"),
        validationLoss = T("ValidationLoss"),
        learningRate = T("Param_learningRate"),
        run = T("Run"),
        task = T("Task"),
        started = T("Log_Started"),
        resumed = T("Log_Resumed"),
        checkpoint = T("Log_Checkpoint"),
        validated = T("Log_Validated"),
        queued = T("Log_Queued"),
        expected = T("Log_Expected"),
        lines = s_lines.ToDictionary(code => code, code => T($"Line_{code}")),
        actions = RunActions.Of(RunKind.FineTune, deploys: true).ToDictionary(a => a, T),
        states = Enum.GetNames<ActionState>().ToDictionary(s => s, s => Shared[$"Status_{s}"].Value),
        statuses = Enum.GetNames<RunStatus>().ToDictionary(s => s, s => Shared[$"Status_{s}"].Value),
        taskStatuses = s_taskStatuses.ToDictionary(s => s, s => T($"Task_{s}")),
        connection = new { connecting = T("Connection_Connecting"), reconnecting = T("Connection_Reconnecting"), refused = T("Connection_Refused"), closed = T("Connection_Closed") },
    };

    private string T(string key) => Text[key].Value;
}
