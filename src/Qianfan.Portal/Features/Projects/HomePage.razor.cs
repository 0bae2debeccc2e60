using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Projects;

/// <summary>The start page: the projects of all teams of the person.</summary>
public partial class HomePage
{
    private IReadOnlyList<ProjectCard>? _projects;
    private IReadOnlyList<TeamRow> _teams = [];

    [Inject] public required ProjectService Projects { get; init; }
    [Inject] public required TeamService Teams { get; init; }
    [Inject] public required Shell Shell { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<ProjectsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    protected override Task OnInitializedAsync() => LoadAsync(async (actor, cancellationToken) =>
    {
        _teams = [.. (await Teams.ListAsync(actor, cancellationToken)).Where(t => t.Role.Allows(Permission.ManageProjects))];
        _projects = await Projects.ListAsync(actor, cancellationToken);
    });

    private async Task CreateAsync()
    {
        var parameters = new DialogParameters<NewProjectDialog> { { d => d.Teams, _teams } };
        var dialog = await Dialogs.ShowAsync<NewProjectDialog>(Text["Home_Create"], parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true });
        if (await dialog.Result is not { Canceled: false, Data: Guid projectId })
            return;
        await Shell.RefreshAsync(Closing);
        Navigation.NavigateTo(Urls.Project(projectId));
    }
}
