using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Options;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Projects;

/// <summary>A project's first page: where it stands on the way from rows to answers.</summary>
public partial class ProjectPage
{
    private ProjectOverview? _overview;
    private Guid _loaded;

    [Parameter]
    public Guid ProjectId { get; set; }

    [CascadingParameter]
    public ProjectContext? Project { get; set; }

    [Inject] public required ProjectService Projects { get; init; }
    [Inject] public required Shell Shell { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IOptions<PortalOptions> Options { get; init; }
    [Inject] public required IStringLocalizer<ProjectsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    // The first step that isn't done; 4 when all are.
    private int NextStep => _overview switch
    {
        { Services: > 0 } => 3,
        { Datasets: 0, Runs: 0 } => 1,
        _ => 2,
    };

    protected override async Task OnParametersSetAsync()
    {
        // The switcher leads from one project's page to another's without a new component.
        if (_loaded == ProjectId)
            return;
        _loaded = ProjectId;
        _overview = null;
        await ReloadAsync();
    }

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) => _overview = await Projects.GetOverviewAsync(actor, ProjectId, cancellationToken));

    private bool IsDone(int step) => step switch
    {
        1 => _overview is { Datasets: > 0 },
        2 => _overview is { ModelVersions: > 0 },
        _ => false,
    };

    private string StepClass(int step) => step == NextStep ? "qf-step qf-step-next" : IsDone(step) ? "qf-step qf-step-done" : "qf-step";

    private string StepMark(int step) => IsDone(step) ? "✓" : step.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private Variant Emphasis(int step) => step == NextStep ? Variant.Filled : Variant.Outlined;

    private async Task RenameAsync()
    {
        if (!await Dialogs.AskNameAsync(Text["Overview_Rename"], Shared["Save"], (actor, name, cancellationToken) => Projects.RenameAsync(actor, ProjectId, name, cancellationToken), _overview!.Name))
            return;
        await Shell.RefreshAsync(Closing);
        await ReloadAsync();
    }

    private async Task DeleteAsync()
    {
        if (!await Dialogs.ConfirmAsync(Text["Overview_Delete"], Text["Overview_DeleteText"], Shared["Delete"], _overview!.Name))
            return;
        if (!await TryAsync((actor, cancellationToken) => Projects.DeleteAsync(actor, ProjectId, cancellationToken)))
            return;
        Navigation.NavigateTo(Urls.Home);
        await Shell.RefreshAsync(Closing);
    }
}
