using Microsoft.AspNetCore.Antiforgery;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Console;

/// <summary>Endpoints that scripts on the portal's own pages call: cookie login, antiforgery token in a header, errors as JSON.</summary>
internal static class PageEndpoints
{
    /// <summary>Header that carries the antiforgery token.</summary>
    public const string TokenHeader = "RequestVerificationToken";

    /// <summary>Asks for a login and a token; answers 401, 400, 403, 404 and 413 with <c>{"error":{"code","message"}}</c> in the reader's language.</summary>
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

    private static IResult Answer(HttpContext http, UserErrorException error)
    {
        var status = error switch
        {
            NotFoundException => StatusCodes.Status404NotFound,
            ForbiddenException => StatusCodes.Status403Forbidden,
            { Code: "DatasetTooLarge" or "RequestTooLarge" } => StatusCodes.Status413PayloadTooLarge,
            _ => StatusCodes.Status400BadRequest,
        };
        var text = http.RequestServices.GetRequiredService<UserErrorText>().Of(error);
        return TypedResults.Json(new PageError(new PageErrorBody(error.Code, text, (error as IErrorDetails)?.Details)), statusCode: status);
    }
}

/// <summary>An error that carries more than its sentence.</summary>
internal interface IErrorDetails
{
    /// <summary>Serialised as <c>details</c>.</summary>
    object Details { get; }
}

/// <summary>The JSON of an error.</summary>
internal sealed record PageError(PageErrorBody Error);

/// <summary>What an error says.</summary>
/// <param name="Code">Code of the <see cref="UserErrorException"/>.</param>
/// <param name="Message">The sentence in the reader's language.</param>
/// <param name="Details">More, such as the bad rows of a file.</param>
internal sealed record PageErrorBody(string Code, string Message, object? Details);
