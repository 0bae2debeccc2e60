using Microsoft.AspNetCore.Components.Authorization;

namespace Qianfan.Portal.Security;

/// <summary>Who uses this circuit or request: for components. Endpoints and hubs take <see cref="Actor.From"/> of their own principal.</summary>
public sealed class CurrentUser(AuthenticationStateProvider authentication)
{
    /// <summary>The person.</summary>
    /// <exception cref="ForbiddenException">Nobody is signed in.</exception>
    public async Task<Actor> GetAsync()
    {
        var state = await authentication.GetAuthenticationStateAsync();
        return Actor.From(state.User) ?? throw new ForbiddenException(Permission.View);
    }
}
