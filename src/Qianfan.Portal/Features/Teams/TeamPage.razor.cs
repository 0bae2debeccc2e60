using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Teams;

/// <summary>A team: its members, what they may do, and who is invited.</summary>
public partial class TeamPage
{
    private TeamRow? _team;
    private Guid _me;
    private IReadOnlyList<MemberRow> _members = [];
    private IReadOnlyList<InvitationRow> _invitations = [];

    [Parameter]
    public Guid TeamId { get; set; }

    [Inject] public required TeamService Teams { get; init; }
    [Inject] public required InvitationService Invitations { get; init; }
    [Inject] public required UserTime Time { get; init; }
    [Inject] public required Shell Shell { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<TeamsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private bool MayManage => _team?.Role.Allows(Permission.ManageTeam) is true;

    protected override Task OnParametersSetAsync() => ReloadAsync();

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) =>
    {
        var team = await Teams.GetAsync(actor, TeamId, cancellationToken);
        _me = actor.UserId;
        _members = await Teams.ListMembersAsync(actor, TeamId, cancellationToken);
        _invitations = team.Role.Allows(Permission.ManageTeam) ? await Invitations.ListAsync(actor, TeamId, cancellationToken) : [];
        _team = team;
    });

    private async Task InviteAsync()
    {
        var parameters = new DialogParameters<InviteDialog> { { d => d.TeamId, TeamId } };
        var dialog = await Dialogs.ShowAsync<InviteDialog>(Text["Team_Invite"], parameters, new DialogOptions { MaxWidth = MaxWidth.Small, FullWidth = true });
        await dialog.Result;
        await ReloadAsync();
    }

    private async Task RenameAsync()
    {
        if (!await Dialogs.AskNameAsync(Text["Team_Rename"], Shared["Save"], (actor, name, cancellationToken) => Teams.RenameAsync(actor, TeamId, name, cancellationToken), _team!.Name))
            return;
        await Shell.RefreshAsync(Closing);
        await ReloadAsync();
    }

    private async Task DeleteAsync()
    {
        if (await Dialogs.ConfirmAsync(Text["Team_Delete"], Text["Team_DeleteText"], Shared["Delete"], _team!.Name)
            && await TryAsync((actor, cancellationToken) => Teams.DeleteAsync(actor, TeamId, cancellationToken)))
        {
            Navigation.NavigateTo(Urls.Teams);
        }
    }

    private async Task ChangeRoleAsync(MemberRow member, TeamRole role)
    {
        await TryAsync((actor, cancellationToken) => Teams.ChangeRoleAsync(actor, TeamId, member.UserId, role, cancellationToken));
        await ReloadAsync();
        await Shell.RefreshAsync(Closing);
    }

    private async Task RemoveAsync(MemberRow member)
    {
        var leaving = member.UserId == _me;
        if (!await Dialogs.ConfirmAsync(
                Text[leaving ? "Team_Leave" : "Team_Remove"],
                leaving ? Text["Team_LeaveText"] : Text["Team_RemoveText", member.DisplayName],
                Text[leaving ? "Team_Leave" : "Team_Remove"])
            || !await TryAsync((actor, cancellationToken) => Teams.RemoveAsync(actor, TeamId, member.UserId, cancellationToken)))
        {
            return;
        }

        if (leaving)
        {
            Navigation.NavigateTo(Urls.Teams);
            await Shell.RefreshAsync(Closing);
        }
        else
        {
            await ReloadAsync();
        }
    }

    private async Task RevokeAsync(InvitationRow invitation)
    {
        if (await Dialogs.ConfirmAsync(Text["Team_Revoke"], Text["Team_RevokeText"], Text["Team_Revoke"])
            && await TryAsync((actor, cancellationToken) => Invitations.RevokeAsync(actor, TeamId, invitation.Id, cancellationToken)))
        {
            await ReloadAsync();
        }
    }
}
