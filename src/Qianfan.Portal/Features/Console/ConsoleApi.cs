using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Console;

/// <summary>Streams answers to the console's script, which reads them with fetch: server-sent events, each flushed as it comes.</summary>
internal static class ConsoleApi
{
    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapPost(Urls.ConsoleChat(Guid.Empty).Replace($"{Guid.Empty}", "{projectId:guid}", StringComparison.Ordinal), AnswerAsync)
            .ForPages();

    private static async Task<IResult> AnswerAsync(Guid projectId, ConsoleRequest request, HttpContext context, ConsoleService console, CancellationToken cancellationToken)
    {
        var actor = Actor.From(context.User) ?? throw new ForbiddenException(Permission.UseConsole);
        var call = await console.PrepareAsync(actor, projectId, request, cancellationToken);
        // A proxy that collects the answer before it passes it on would spoil it.
        context.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(console.AnswerAsync(call, cancellationToken));
    }
}
