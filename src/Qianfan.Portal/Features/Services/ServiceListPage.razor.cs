using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Services;

/// <summary>The project's services and how they are, as their platforms say when the page opens or somebody asks again.</summary>
public sealed partial class ServiceListPage
{
    private ServiceList? _list;
    private IReadOnlyDictionary<Guid, ServiceState> _states = new Dictionary<Guid, ServiceState>();
    private bool _asking;

    [Inject] public required ServiceDirectory Services { get; init; }
    [Inject] public required IStringLocalizer<ServicesText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter] public Guid ProjectId { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        await LoadAsync(async (actor, token) => _list = await Services.ListAsync(actor, ProjectId, token));
        if (_list is { Services.Count: > 0 })
        {
            // The list stands already while the platforms are asked.
            StateHasChanged();
            await AskAsync();
        }
    }

    private async Task AskAsync()
    {
        _asking = true;
        await TryAsync(async (actor, token) => _states = await Services.StatesAsync(actor, ProjectId, null, token));
        _asking = false;
    }
}
