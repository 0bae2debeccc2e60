using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Setup;

/// <summary>The first visit: makes the admin, a team and a project for whoever knows the code on the console.</summary>
public partial class SetupPage
{
    private readonly FormErrors _errors = new();

    [Inject] public required SetupCode Code { get; init; }
    [Inject] public required SetupService Service { get; init; }
    [Inject] public required SignInManager<PortalUser> SignIn { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }
    [Inject] public required IStringLocalizer<AccountText> Text { get; init; }

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [SupplyParameterFromForm(FormName = "setup")]
    public SetupInput? Input { get; set; }

    private async Task RunAsync()
    {
        var input = Input ?? new SetupInput();
        CheckFields(input);
        // Whoever doesn't know the code learns nothing from the rest, and the code costs an attempt only when the rest is right.
        if (_errors.Any || !CheckCode(input))
            return;

        Guid projectId;
        try
        {
            projectId = await Service.RunAsync(new SetupRequest(input.Email!, input.DisplayName!, input.Password!, input.Team!, input.Project!), HttpContext.RequestAborted);
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
        Navigation.NavigateTo(Urls.Project(projectId));
    }

    private void CheckFields(SetupInput input)
    {
        _errors.Require(nameof(input.Code), input.Code, Text["Setup_CodeRequired"]);
        _errors.Require(nameof(input.Email), input.Email, Text["EmailRequired"]);
        _errors.Require(nameof(input.DisplayName), input.DisplayName, Text["DisplayNameRequired"]);
        _errors.Require(nameof(input.Team), input.Team, Text["Setup_TeamRequired"]);
        _errors.Require(nameof(input.Project), input.Project, Text["Setup_ProjectRequired"]);
        _errors.RequireNewPassword(input.Password, input.Repeat, Text);
    }

    private bool CheckCode(SetupInput input)
    {
        var result = Code.Check(input.Code);
        if (result is not SetupCodeResult.Right)
            _errors.Add(nameof(input.Code), Text[result is SetupCodeResult.Wrong ? "Setup_CodeWrong" : "Setup_CodeTooMany"]);
        return result is SetupCodeResult.Right;
    }
}

/// <summary>The set-up form.</summary>
public sealed class SetupInput
{
    public string? Code { get; set; }
    public string? Email { get; set; }
    public string? DisplayName { get; set; }
    public string? Password { get; set; }
    public string? Repeat { get; set; }
    public string? Team { get; set; }
    public string? Project { get; set; }
}
