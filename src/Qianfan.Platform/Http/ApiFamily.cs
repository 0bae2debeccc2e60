using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qianfan.Platform.Http;

/// <summary>One API's way to say that something went wrong.</summary>
internal abstract class ApiFamily
{
    /// <summary>The generation of APIs that it belongs to.</summary>
    public abstract ApiGeneration Generation { get; }

    /// <summary>How bodies are read.</summary>
    public virtual JsonSerializerOptions Requests => PlatformJson.Requests;

    /// <summary>Whether a caller may be known by an <c>access_token</c> in the address.</summary>
    public virtual bool TakesAccessToken => false;

    /// <summary>What an error looks like.</summary>
    public abstract object ErrorBody(PlatformException error);

    /// <summary>Writes an error answer.</summary>
    public Task WriteErrorAsync(HttpContext context, PlatformException error)
    {
        ApiFamilies.AddIamHeaders(context, error);
        return PlatformJson.WriteAsync(context, ErrorStatus(error), ErrorBody(error));
    }

    /// <summary>The HTTP status of an error.</summary>
    protected virtual int ErrorStatus(PlatformException error) => error.Status;

    /// <summary>Gives the endpoint this family's errors: whatever its handler throws becomes an answer.</summary>
    public TBuilder Guard<TBuilder>(TBuilder builder) where TBuilder : IEndpointConventionBuilder
    {
        builder.WithMetadata(this);
        builder.Finally(endpoint =>
        {
            var inner = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = context => RunAsync(context, inner);
        });
        return builder;
    }

    /// <summary>What every answer of this family has in its headers.</summary>
    protected virtual void Mark(HttpContext context)
    {
    }

    private async Task RunAsync(HttpContext context, RequestDelegate inner)
    {
        Mark(context);
        try
        {
            await inner(context);
            if (context.Response is { StatusCode: 400, HasStarted: false, ContentLength: null })
            {
                // The framework says only this much when a route or query value doesn't fit its parameter.
                await WriteErrorAsync(context, new PlatformException(PlatformError.InvalidArgument, "A value in the address has the wrong type"));
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger<ApiFamily>();
            await WriteErrorAsync(context, ApiErrors.Explain(exception, context, logger));
        }
    }
}

/// <summary>Turns exceptions into answers.</summary>
internal static partial class ApiErrors
{
    public static PlatformException Explain(Exception exception, HttpContext context, ILogger logger)
    {
        switch (exception)
        {
            case PlatformException platform:
                return platform;
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return new PlatformException(PlatformError.TooLarge, "The request body is too large");
            case BadHttpRequestException:
                return new PlatformException(PlatformError.InvalidArgument, "The request could not be read");
            default:
                LogFault(logger, exception, context.Request.Method, context.Request.Path, context.TraceIdentifier);
                return new PlatformException(PlatformError.Internal, $"Internal error; the log has it as {context.TraceIdentifier}");
        }
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed ({TraceId})")]
    private static partial void LogFault(ILogger logger, Exception exception, string method, string path, string traceId);
}
