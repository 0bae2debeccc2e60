using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Teams;

/// <summary>The person's teams.</summary>
public partial class TeamsPage
{
    private IReadOnlyList<TeamRow>? _teams;

    [Inject] public required TeamService Teams { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<TeamsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    protected override Task OnInitializedAsync() => LoadAsync(async (actor, cancellationToken) => _teams = await Teams.ListAsync(actor, cancellationToken));

    private async Task CreateAsync()
    {
        Guid id = default;
        if (await Dialogs.AskNameAsync(Text["Teams_Create"], Shared["Create"], async (actor, name, cancellationToken) => id = await Teams.CreateAsync(actor, name, cancellationToken)))
            Navigation.NavigateTo(Urls.Team(id));
    }
}
