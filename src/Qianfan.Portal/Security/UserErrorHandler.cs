using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Security;

/// <summary>Turns exceptions of endpoints into problem details for programs and scripts; people get the error page.</summary>
internal sealed class UserErrorHandler(UserErrorText text, IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is UserErrorException error)
        {
            var status = error switch
            {
                NotFoundException => StatusCodes.Status404NotFound,
                ForbiddenException => StatusCodes.Status403Forbidden,
                _ => StatusCodes.Status400BadRequest,
            };
            httpContext.Response.StatusCode = status;
            if (MachineRoutes.IsForPeople(httpContext) && error is NotFoundException)
                return true;
            return await WriteAsync(httpContext, new ProblemDetails { Status = status, Title = error.Code, Detail = text.Of(error), Extensions = { ["code"] = error.Code } });
        }

        if (MachineRoutes.IsForPeople(httpContext))
            return false;
        httpContext.Response.StatusCode = exception is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError;
        return await WriteAsync(httpContext, new ProblemDetails { Status = httpContext.Response.StatusCode });
    }

    private ValueTask<bool> WriteAsync(HttpContext context, ProblemDetails details) =>
        problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = details });
}
