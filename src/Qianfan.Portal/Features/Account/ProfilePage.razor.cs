using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>A person's own name.</summary>
public partial class ProfilePage
{
    private readonly FormErrors _errors = new();
    private string _email = "";
    private bool _saved;

    [Inject] public required AccountService Accounts { get; init; }
    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required SignInManager<PortalUser> SignIn { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }
    [Inject] public required IStringLocalizer<AccountText> Text { get; init; }

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [SupplyParameterFromForm(FormName = "profile")]
    public ProfileInput? Input { get; set; }

    protected override async Task OnInitializedAsync()
    {
        var actor = await CurrentUser.GetAsync();
        _email = actor.Name;
        Input ??= new ProfileInput { DisplayName = await Accounts.GetDisplayNameAsync(actor, HttpContext.RequestAborted) };
    }

    private async Task SaveAsync()
    {
        try
        {
            await Accounts.ChangeDisplayNameAsync(await CurrentUser.GetAsync(), Input?.DisplayName ?? "", HttpContext.RequestAborted);
        }
        catch (UserErrorException e)
        {
            _errors.Add(nameof(ProfileInput.DisplayName), ErrorText.Of(e, Text));
            return;
        }

        // The name is in the cookie.
        if (await SignIn.UserManager.GetUserAsync(HttpContext.User) is { } user)
            await SignIn.RefreshSignInAsync(user);
        _saved = true;
    }
}

/// <summary>The profile form.</summary>
public sealed class ProfileInput
{
    public string? DisplayName { get; set; }
}
