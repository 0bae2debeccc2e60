using Microsoft.AspNetCore.Identity;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Account;

/// <summary>Identity refused an address or a password; the errors say why, in the reader's language.</summary>
public sealed class AccountException(IReadOnlyList<IdentityError> errors) : Exception(string.Join(" ", errors.Select(e => e.Description)))
{
    /// <summary>What is wrong.</summary>
    public IReadOnlyList<IdentityError> Errors { get; } = errors;
}

/// <summary>Small helpers around Identity's users.</summary>
public static class PortalUsers
{
    /// <summary>An account that isn't stored yet. People sign in with their address, so that it is the user name too.</summary>
    public static PortalUser New(string email, string displayName, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(displayName);
        var address = email.Trim();
        return new PortalUser
        {
            Id = Guid.CreateVersion7(),
            UserName = address,
            Email = address,
            EmailConfirmed = true,
            LockoutEnabled = true,
            DisplayName = displayName.Trim() is { Length: > 0 } name ? name : address.Split('@')[0],
            CreatedAt = now,
        };
    }

    /// <summary>Turns a refusal into an exception.</summary>
    /// <exception cref="AccountException">It was one.</exception>
    public static void ThrowIfFailed(this IdentityResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (!result.Succeeded)
            throw new AccountException([.. result.Errors]);
    }
}
