using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Connections;

/// <summary>The platforms that a project can work on.</summary>
public partial class ConnectionsPage
{
    private readonly Dictionary<Guid, (bool Good, string Text)> _results = [];
    private IReadOnlyList<ConnectionRow>? _connections;
    private Guid? _testing;

    [Parameter]
    public Guid ProjectId { get; set; }

    [CascadingParameter]
    public ProjectContext? Project { get; set; }

    [Inject] public required ConnectionService Connections { get; init; }
    [Inject] public required ConnectionTester Tester { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<ConnectionsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private bool MayEdit => Project?.Allows(Permission.ManageCredentials) is true;

    protected override Task OnParametersSetAsync() => ReloadAsync();

    private static string IconOf(ConnectionKind kind) => kind switch
    {
        ConnectionKind.Embedded => Icons.Material.Outlined.Memory,
        ConnectionKind.Portal => Icons.Material.Outlined.Hub,
        _ => Icons.Material.Outlined.Cloud,
    };

    private string NameOf(ConnectionRow connection) => Shared.ConnectionName(connection.Name);

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) => _connections = await Connections.ListAsync(actor, ProjectId, cancellationToken));

    private async Task AddAsync()
    {
        var parameters = new DialogParameters<ConnectionDialog> { { d => d.ProjectId, ProjectId } };
        var dialog = await Dialogs.ShowAsync<ConnectionDialog>(Text["Add"], parameters, new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true });
        if (await dialog.Result is { Canceled: false })
            await ReloadAsync();
    }

    private async Task ChangeKeysAsync(ConnectionRow connection)
    {
        var parameters = new DialogParameters<ConnectionDialog> { { d => d.ProjectId, ProjectId }, { d => d.Existing, connection } };
        var dialog = await Dialogs.ShowAsync<ConnectionDialog>(Text["ChangeKeys"], parameters, new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true });
        if (await dialog.Result is not { Canceled: false })
            return;
        _results.Remove(connection.Id);
        await ReloadAsync();
    }

    private async Task DeleteAsync(ConnectionRow connection)
    {
        if (await Dialogs.ConfirmAsync(Text["Delete"], Text["DeleteText", connection.Name], Shared["Delete"])
            && await TryAsync((actor, cancellationToken) => Connections.DeleteAsync(actor, ProjectId, connection.Id, cancellationToken)))
        {
            await ReloadAsync();
        }
    }

    private async Task TestAsync(ConnectionRow connection)
    {
        _testing = connection.Id;
        _results.Remove(connection.Id);
        try
        {
            var models = await Tester.TestAsync(await ActorAsync(), ProjectId, connection.Id, Closing);
            _results[connection.Id] = (true, Text["TestGood", models]);
        }
        catch (UserErrorException error)
        {
            _results[connection.Id] = (false, ErrorText.Of(error));
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            // Left meanwhile.
        }
        finally
        {
            _testing = null;
        }
    }
}
