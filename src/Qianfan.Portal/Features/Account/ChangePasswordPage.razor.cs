using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>A person's own password.</summary>
public partial class ChangePasswordPage
{
    private readonly FormErrors _errors = new();
    private bool _saved;

    [Inject] public required AccountService Accounts { get; init; }
    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required SignInManager<PortalUser> SignIn { get; init; }
    [Inject] public required IStringLocalizer<AccountText> Text { get; init; }

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [SupplyParameterFromForm(FormName = "password")]
    public ChangePasswordInput? Input { get; set; }

    private async Task SaveAsync()
    {
        var input = Input ?? new ChangePasswordInput();
        _errors.Require(nameof(input.Current), input.Current, Text["PasswordRequired"]);
        _errors.RequireNewPassword(input.Password, input.Repeat, Text);
        if (_errors.Any)
            return;
        try
        {
            await Accounts.ChangePasswordAsync(await CurrentUser.GetAsync(), input.Current!, input.Password!, HttpContext.RequestAborted);
        }
        catch (AccountException e)
        {
            _errors.Add(e.Errors);
            return;
        }

        // All logins of the account have just ended; this one goes on.
        if (await SignIn.UserManager.GetUserAsync(HttpContext.User) is { } user)
            await SignIn.RefreshSignInAsync(user);
        _saved = true;
    }
}

/// <summary>The form for another password.</summary>
public sealed class ChangePasswordInput
{
    public string? Current { get; set; }
    public string? Password { get; set; }
    public string? Repeat { get; set; }
}
