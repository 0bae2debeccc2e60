using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Services;

/// <summary>One service: how it is, how to call it, and scale, switch, roll back, stop, start, delete.</summary>
public sealed partial class ServicePage
{
    private ServiceDetails? _details;
    private ServiceState? _state;
    private ServiceHealthPanel? _panel;
    private bool _busy;

    [Inject] public required ServiceDirectory Services { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<ServicesText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid ServiceId { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        if (_details?.Service.Id == ServiceId)
            return;
        (_details, _state) = (null, null);
        await ReadAsync();
    }

    private Task ReadAsync() => LoadAsync(async (actor, token) => _details = await Services.GetAsync(actor, ProjectId, ServiceId, token));

    private bool Is(string status) => _state?.Status?.Value == status;

    /// <summary>The panel has asked the platform.</summary>
    private async Task LookedAsync(ServiceState state)
    {
        _state = state;
        if (state.Description is { ModelVersionId: { } answering } && _details is { } details && answering != details.Service.VersionPlatformId)
            await ReadAsync();
    }

    private async Task RefreshAsync()
    {
        _busy = true;
        if (_panel is not null)
            await _panel.LookAsync();
        _busy = false;
    }

    private async Task ScaleAsync(ServiceDescription described)
    {
        var parameters = new DialogParameters<ScaleDialog>
        {
            { d => d.Replicas, described.ResourceConfig?.ReplicasCount ?? 1 },
            { d => d.Save, (actor, replicas, token) => Services.ScaleAsync(actor, ProjectId, ServiceId, replicas, token) },
        };
        await AskAsync<ScaleDialog>(Text["Scale_Title", _details!.Service.Name], parameters);
    }

    private async Task SwitchAsync()
    {
        var parameters = new DialogParameters<SwitchDialog>
        {
            { d => d.Versions, _details!.Versions },
            { d => d.Current, _state?.Description?.ModelVersionId ?? _details.Service.VersionPlatformId },
            { d => d.Save, (actor, version, token) => Services.SwitchAsync(actor, ProjectId, ServiceId, version, token) },
        };
        await AskAsync<SwitchDialog>(Text["Switch_Title", _details.Service.Name], parameters);
    }

    private async Task AskAsync<TDialog>(string title, DialogParameters parameters) where TDialog : IComponent
    {
        var dialog = await Dialogs.ShowAsync<TDialog>(title, parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseOnEscapeKey = true });
        if (await dialog.Result is not { Canceled: false })
            return;
        await ReadAsync();
        await RefreshAsync();
    }

    private async Task RollbackAsync()
    {
        if (await Dialogs.ConfirmAsync(Text["Rollback_Title", _details!.Service.Name], Text[_state?.Description?.NextModelVersionId is null ? "Rollback_Text" : "Rollback_CallOff"], Text["Rollback"]))
            await ChangeAsync((actor, token) => Services.RollbackAsync(actor, ProjectId, ServiceId, token));
    }

    private Task StartAsync() => ChangeAsync((actor, token) => Services.StartAsync(actor, ProjectId, ServiceId, token));

    private async Task StopAsync()
    {
        if (await Dialogs.ConfirmAsync(Text["Stop_Title", _details!.Service.Name], Text["Stop_Text"], Text["Stop"]))
            await ChangeAsync((actor, token) => Services.StopAsync(actor, ProjectId, ServiceId, token));
    }

    private async Task ChangeAsync(Func<Actor, CancellationToken, Task> change)
    {
        _busy = true;
        await TryAsync(change);
        await ReadAsync();
        await RefreshAsync();
    }

    private async Task DeleteAsync()
    {
        var service = _details!.Service;
        if (!await Dialogs.ConfirmAsync(
            Text["Delete_Title", service.Name],
            service.CanControl ? Text["Delete_Text", service.Endpoint] : Text["Remove_Text"],
            service.CanControl ? Shared["Delete"] : Text["Remove"]))
        {
            return;
        }

        _busy = true;
        if (await TryAsync((actor, token) => Services.DeleteAsync(actor, ProjectId, ServiceId, token)))
            Navigation.NavigateTo(Urls.Services(ProjectId));
        _busy = false;
    }
}
