using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Admin;

/// <summary>All accounts, for admins.</summary>
public partial class UsersPage
{
    private IReadOnlyList<UserRow>? _users;

    [Inject] public required UserService Users { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<AdminText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    protected override Task OnInitializedAsync() => ReloadAsync();

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) => _users = await Users.ListAsync(actor, cancellationToken));

    private async Task CreateAsync()
    {
        // A click beside it must not throw the password away.
        var dialog = await Dialogs.ShowAsync<NewUserDialog>(Text["Create"], new DialogParameters<NewUserDialog>(), new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, BackdropClick = false });
        await dialog.Result;
        await ReloadAsync();
    }

    private async Task ResetPasswordAsync(UserRow user)
    {
        if (!await Dialogs.ConfirmAsync(Text["ResetPassword"], Text["ResetPasswordText", user.DisplayName], Text["ResetPassword"]))
            return;
        var password = "";
        if (!await TryAsync(async (actor, cancellationToken) => password = await Users.ResetPasswordAsync(actor, user.Id, cancellationToken)))
            return;
        var parameters = new DialogParameters<NewPasswordDialog> { { d => d.Email, user.Email }, { d => d.Password, password } };
        await Dialogs.ShowAsync<NewPasswordDialog>(Text["ResetPassword"], parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, BackdropClick = false });
        await ReloadAsync();
    }

    private async Task SetAdminAsync(UserRow user)
    {
        if (await Dialogs.ConfirmAsync(Text[user.IsAdmin ? "TakeAdmin" : "MakeAdmin"], Text[user.IsAdmin ? "TakeAdminText" : "MakeAdminText", user.DisplayName], Text[user.IsAdmin ? "TakeAdmin" : "MakeAdmin"]))
            await ChangeAsync((actor, cancellationToken) => Users.SetAdminAsync(actor, user.Id, !user.IsAdmin, cancellationToken));
    }

    private Task SetLockedAsync(UserRow user) =>
        ChangeAsync((actor, cancellationToken) => Users.SetLockedAsync(actor, user.Id, !user.IsLocked, cancellationToken));

    private async Task DeleteAsync(UserRow user)
    {
        if (await Dialogs.ConfirmAsync(Text["Delete"], Text["DeleteText", user.DisplayName], Shared["Delete"], user.Email))
            await ChangeAsync((actor, cancellationToken) => Users.DeleteAsync(actor, user.Id, cancellationToken));
    }

    private async Task ChangeAsync(Func<Actor, CancellationToken, Task> change)
    {
        if (await TryAsync(change))
            await ReloadAsync();
    }
}
