using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Components.Layout;

/// <summary>The frame around every interactive page: bar, navigation of the current project, providers of dialogs and messages.</summary>
public partial class MainLayout
{
    private readonly CancellationTokenSource _closing = new();
    private PageErrorBoundary? _errors;
    private ProjectContext? _project;
    private Guid? _projectId;
    private bool _drawerOpen = true;
    private bool _ready;

    [Inject] public required Shell Shell { get; init; }
    [Inject] public required UserTime Time { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IJSRuntime Browser { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Text { get; init; }

    private string Here => "/" + Navigation.ToBaseRelativePath(Navigation.Uri);

    // A bare "#content" would lead to the base address.
    private string SkipTarget => Here.Split('#')[0] + "#content";

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        Navigation.LocationChanged -= OnLocationChanged;
        Shell.Changed -= OnShellChanged;
        _closing.Cancel();
        _closing.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        Navigation.LocationChanged += OnLocationChanged;
        Shell.Changed += OnShellChanged;
        await Time.DetectAsync(Browser, _closing.Token);
        await Shell.RefreshAsync(_closing.Token);
        _ready = true;
    }

    private void OnLocationChanged(object? sender, LocationChangedEventArgs e)
    {
        FindProject();
        _errors?.Recover();
        StateHasChanged();
    }

    private Task OnShellChanged()
    {
        FindProject();
        return InvokeAsync(StateHasChanged);
    }

    private void FindProject()
    {
        _projectId = Shell.ProjectIdOf(Navigation.ToBaseRelativePath(Navigation.Uri));
        _project = Shell.Projects.FirstOrDefault(p => p.Id == _projectId);
    }

    private void ToggleDrawer() => _drawerOpen = !_drawerOpen;
}
