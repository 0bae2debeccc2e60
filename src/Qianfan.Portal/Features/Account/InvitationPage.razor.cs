using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>Where an invitation's link leads: whoever is signed in joins, everybody else makes an account first. The only way to one besides an admin.</summary>
public partial class InvitationPage
{
    private readonly FormErrors _errors = new();
    private OpenInvitation? _invitation;
    private Actor? _actor;

    [Parameter]
    public required string Token { get; set; }

    [Inject] public required InvitationService Invitations { get; init; }
    [Inject] public required AccountService Accounts { get; init; }
    [Inject] public required SignInManager<PortalUser> SignIn { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }
    [Inject] public required IStringLocalizer<AccountText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [SupplyParameterFromForm(FormName = "register")]
    public RegisterInput? Input { get; set; }

    protected override async Task OnInitializedAsync()
    {
        _actor = Actor.From(HttpContext.User);
        _invitation = await Invitations.FindAsync(Token, HttpContext.RequestAborted);
    }

    private async Task AcceptAsync()
    {
        if (_actor is null)
            return;
        try
        {
            var teamId = await Invitations.AcceptAsync(_actor, Token, HttpContext.RequestAborted);
            Navigation.NavigateTo(Urls.Team(teamId));
        }
        catch (UserErrorException e)
        {
            _errors.Summary = ErrorText.Of(e, Text);
        }
    }

    private async Task RegisterAsync()
    {
        var input = Input ?? new RegisterInput();
        _errors.Require(nameof(input.Email), input.Email, Text["EmailRequired"]);
        _errors.Require(nameof(input.DisplayName), input.DisplayName, Text["DisplayNameRequired"]);
        _errors.RequireNewPassword(input.Password, input.Repeat, Text);
        if (_errors.Any)
            return;
        try
        {
            await Accounts.RegisterAsync(Token, input.Email!, input.DisplayName!, input.Password!, HttpContext.RequestAborted);
        }
        catch (AccountException e)
        {
            _errors.Add(e.Errors);
            return;
        }
        catch (UserErrorException e)
        {
            _errors.Summary = ErrorText.Of(e, Text);
            return;
        }

        await SignIn.PasswordSignInAsync(input.Email!.Trim(), input.Password!, isPersistent: false, lockoutOnFailure: false);
        Navigation.NavigateTo(Urls.Home);
    }
}

/// <summary>The form that makes an account.</summary>
public sealed class RegisterInput
{
    public string? Email { get; set; }
    public string? DisplayName { get; set; }
    public string? Password { get; set; }
    public string? Repeat { get; set; }
}
