using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Models;

/// <summary>What a version came from, by its platform's notes, and the forms that it can be downloaded in. While one is written it is asked after once a second.</summary>
public sealed partial class ModelExportPanel
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private ModelOnPlatform? _known;
    private string? _said;
    private Guid _shown;
    private bool _busy;
    private Task _following = Task.CompletedTask;

    [Inject] public required ModelExports Exports { get; init; }
    [Inject] public required TimeProvider Time { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<ModelsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter, EditorRequired] public required Guid ProjectId { get; set; }
    [Parameter, EditorRequired] public required Guid ModelSetId { get; set; }
    [Parameter, EditorRequired] public required Guid VersionId { get; set; }

    /// <summary>Whether the person may ask for exports and delete them.</summary>
    [Parameter] public bool MayEdit { get; set; }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_shown == VersionId)
            return;
        _shown = VersionId;
        _known = null;
        await LoadAsync(async (actor, token) => _known = await Exports.GetAsync(actor, ProjectId, VersionId, token));
        Follow();
    }

    private void Follow()
    {
        if (_following.IsCompleted && !Closing.IsCancellationRequested)
            _following = FollowAsync(Time, s_interval, () => _known?.Exports.Any(export => !export.Status.IsTerminal) is true, RefreshAsync);
    }

    // A platform that doesn't answer for a moment is asked again at the next turn.
    private Task RefreshAsync() => LoadAsync(async (actor, token) =>
    {
        var exports = await Exports.ListAsync(actor, ProjectId, VersionId, token);
        if (_known is null)
            return;
        var ended = exports.FirstOrDefault(now => now.Status.IsTerminal && _known.Exports.Any(before => before.ExportTaskId == now.ExportTaskId && !before.Status.IsTerminal));
        if (ended is not null)
            _said = Text[ended.Status == ModelExportStatus.Done ? "Export_Ready" : "Export_Failed", Text[$"Format_{ended.Format}"]];
        _known = _known with { Exports = exports };
    });

    private async Task StartAsync(string format)
    {
        _busy = true;
        if (await TryAsync((actor, token) => Exports.StartAsync(actor, ProjectId, VersionId, format, token)))
            await RefreshAsync();
        _busy = false;
        Follow();
    }

    private async Task DeleteAsync(ModelExportTask export)
    {
        if (export.Status == ModelExportStatus.Done && !await Dialogs.ConfirmAsync(Text["Export_Delete", Text[$"Format_{export.Format}"]], Text["Export_DeleteText"], Shared["Delete"]))
            return;
        _busy = true;
        if (await TryAsync((actor, token) => Exports.DeleteAsync(actor, ProjectId, VersionId, export, token)))
            await RefreshAsync();
        _busy = false;
    }
}
