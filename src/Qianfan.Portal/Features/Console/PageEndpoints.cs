using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Console;

/// <summary>Endpoints that scripts on the portal's own pages call: cookie login, antiforgery token in a header, errors as JSON.</summary>
internal static class PageEndpoints
{
    /// <summary>Header that carries the antiforgery token.</summary>
    public const string TokenHeader = "RequestVerificationToken";

    /// <summary>Asks for a login and a token; answers 401, 400, 403, 404 and 413 with problem details: <c>code</c>, and <c>detail</c> in the reader's language.</summary>
    public static RouteHandlerBuilder ForPages(this RouteHandlerBuilder endpoint) => endpoint
        .DisableCookieRedirect()
        .RequireAuthorization()
        // Checked below by header alone: looking for a token in the form would buffer the whole upload.
        .DisableAntiforgery()
        .AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            try
            {
                await RequireTokenAsync(http);
                return await next(context);
            }
            catch (UserErrorException error)
            {
                return Answer(http, error);
            }
            catch (BadHttpRequestException error) when (error.StatusCode == StatusCodes.Status413PayloadTooLarge)
            {
                return Answer(http, new UserErrorException("RequestTooLarge"));
            }
        });

    private static async Task RequireTokenAsync(HttpContext http)
    {
        if (string.IsNullOrEmpty(http.Request.Headers[TokenHeader]))
            throw new UserErrorException("TokenMissing");
        try
        {
            await http.RequestServices.GetRequiredService<IAntiforgery>().ValidateRequestAsync(http);
        }
        catch (AntiforgeryValidationException)
        {
            throw new UserErrorException("TokenMissing");
        }
    }

    private static ProblemHttpResult Answer(HttpContext http, UserErrorException error)
    {
        var status = error switch
        {
            NotFoundException => StatusCodes.Status404NotFound,
            ForbiddenException => StatusCodes.Status403Forbidden,
            { Code: "DatasetTooLarge" or "RequestTooLarge" } => StatusCodes.Status413PayloadTooLarge,
            _ => StatusCodes.Status400BadRequest,
        };
        Dictionary<string, object?> extensions = new() { ["code"] = error.Code };
        if (error is IErrorDetails { Details: { } details })
            extensions["errors"] = details;
        return TypedResults.Problem(http.RequestServices.GetRequiredService<UserErrorText>().Of(error), statusCode: status, title: error.Code, extensions: extensions);
    }
}

/// <summary>An error that carries more than its sentence.</summary>
internal interface IErrorDetails
{
    /// <summary>Serialised as <c>errors</c>.</summary>
    object Details { get; }
}
