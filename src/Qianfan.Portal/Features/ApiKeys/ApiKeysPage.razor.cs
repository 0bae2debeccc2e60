using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>The keys with which programs act for a project.</summary>
public partial class ApiKeysPage
{
    private IReadOnlyList<ApiKeyRow>? _keys;

    [Parameter]
    public Guid ProjectId { get; set; }

    [CascadingParameter]
    public ProjectContext? Project { get; set; }

    [Inject] public required ApiKeyService Keys { get; init; }
    [Inject] public required UserTime Time { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<ApiKeysText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private bool MayEdit => Project?.Allows(Permission.ManageCredentials) is true;

    protected override Task OnParametersSetAsync() => ReloadAsync();

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) => _keys = await Keys.ListAsync(actor, ProjectId, cancellationToken));

    private async Task CreateAsync()
    {
        var parameters = new DialogParameters<NewApiKeyDialog> { { d => d.ProjectId, ProjectId } };
        // A click beside it must not throw the secret away.
        var dialog = await Dialogs.ShowAsync<NewApiKeyDialog>(Text["Create"], parameters, new DialogOptions { MaxWidth = MaxWidth.Medium, FullWidth = true, BackdropClick = false });
        await dialog.Result;
        await ReloadAsync();
    }

    private async Task RevokeAsync(ApiKeyRow key)
    {
        if (await Dialogs.ConfirmAsync(Text["Revoke"], Text["RevokeText", key.Name], Text["Revoke"])
            && await TryAsync((actor, cancellationToken) => Keys.RevokeAsync(actor, ProjectId, key.Id, cancellationToken)))
        {
            await ReloadAsync();
        }
    }

    private async Task DeleteAsync(ApiKeyRow key)
    {
        if (await Dialogs.ConfirmAsync(Text["Delete"], Text["DeleteText", key.Name], Shared["Delete"])
            && await TryAsync((actor, cancellationToken) => Keys.DeleteAsync(actor, ProjectId, key.Id, cancellationToken)))
        {
            await ReloadAsync();
        }
    }
}
