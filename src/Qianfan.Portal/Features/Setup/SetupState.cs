using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Setup;

/// <summary>Whether the database is still empty. Thread-safe.</summary>
public sealed class SetupState(IDbContextFactory<PortalDbContext> contexts)
{
    private volatile bool _done;

    /// <summary>Whether somebody has to set the portal up first. Asks the database until the answer is no: another node may have done it.</summary>
    public async ValueTask<bool> IsRequiredAsync(CancellationToken cancellationToken)
    {
        if (_done)
            return false;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        _done = await db.Users.AnyAsync(cancellationToken);
        return !_done;
    }
}
