using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>Signs a person in.</summary>
public partial class LoginPage
{
    private string? _error;

    [Inject] public required SignInManager<PortalUser> SignIn { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<AccountText> Text { get; init; }

    [SupplyParameterFromForm(FormName = "login")]
    public LoginInput? Input { get; set; }

    [SupplyParameterFromQuery]
    public string? ReturnUrl { get; set; }

    private async Task SignInAsync()
    {
        var email = Input?.Email?.Trim() ?? "";
        var result = await SignIn.PasswordSignInAsync(email, Input?.Password ?? "", Input?.Remember ?? false, lockoutOnFailure: true);
        if (result.Succeeded)
            Navigation.NavigateTo(LocalUrl.OrHome(ReturnUrl));
        else if (result.IsLockedOut)
            _error = Text["Login_Locked", Math.Max(1, (int)Math.Ceiling(SignIn.Options.Lockout.DefaultLockoutTimeSpan.TotalMinutes))];
        else
            // The same for a wrong password and an unknown address: nobody can find out who has an account.
            _error = Text["Login_Wrong"];
    }
}

/// <summary>The login form.</summary>
public sealed class LoginInput
{
    public string? Email { get; set; }
    public string? Password { get; set; }
    public bool Remember { get; set; }
}
