using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Services;

/// <summary>One service: how it is, how to call it, and stop, start, delete.</summary>
public sealed partial class ServicePage
{
    private ServiceDetails? _details;
    private ServiceState? _state;
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
        _details = null;
        await LoadAsync(async (actor, token) => _details = await Services.GetAsync(actor, ProjectId, ServiceId, token));
        if (_details is not null)
        {
            StateHasChanged();
            await AskAsync();
        }
    }

    private bool Is(string status) => _state?.Status?.Value == status;

    private async Task AskAsync()
    {
        _busy = true;
        await TryAsync(async (actor, token) => _state = (await Services.StatesAsync(actor, ProjectId, ServiceId, token)).GetValueOrDefault(ServiceId));
        _busy = false;
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
        await AskAsync();
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
