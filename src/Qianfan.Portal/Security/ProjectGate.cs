using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Security;

/// <summary>Answers 404 to whoever opens an address below a project that isn't theirs, before any endpoint runs. Services check again, with the permission.</summary>
internal sealed class ProjectGate(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context, IDbContextFactory<PortalDbContext> contexts)
    {
        if (context.GetEndpoint() is not null && context.GetRouteValue("projectId") is { } value && Actor.From(context.User) is { } actor)
        {
            await using var db = await contexts.CreateDbContextAsync(context.RequestAborted);
            if (!Guid.TryParse(value.ToString(), out var projectId) || !await db.Projects.VisibleTo(actor).AnyAsync(p => p.Id == projectId, context.RequestAborted))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }
        }

        await next(context);
    }
}
