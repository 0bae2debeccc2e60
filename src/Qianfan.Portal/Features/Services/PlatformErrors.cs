using System.Net;
using Qianfan.Portal.Security;
using Qianfan.Sdk;

namespace Qianfan.Portal.Features.Services;

/// <summary>Errors of platforms as errors that a person can do something about. The platform's own words are kept: they name the field or the limit.</summary>
public static class PlatformErrors
{
    /// <summary>Calls a platform.</summary>
    /// <exception cref="UserErrorException">It refuses (<c>PlatformRefused</c>), refuses the credentials (<c>PlatformCredentials</c>) or can't be reached (<c>PlatformUnreachable</c>).</exception>
    public static async Task<T> TranslateAsync<T>(Func<Task<T>> call)
    {
        ArgumentNullException.ThrowIfNull(call);
        try
        {
            return await call();
        }
        catch (QianfanException error)
        {
            throw Translate(error);
        }
    }

    /// <inheritdoc cref="TranslateAsync{T}(Func{Task{T}})"/>
    public static Task TranslateAsync(Func<Task> call) =>
        TranslateAsync(async () =>
        {
            await call();
            return true;
        });

    /// <summary>The user's error for a platform's.</summary>
    public static UserErrorException Translate(QianfanException error) => error switch
    {
        QianfanAuthenticationException => new UserErrorException("PlatformCredentials", error.Message),
        QianfanApiException refused => new UserErrorException("PlatformRefused", refused.ApiMessage),
        QianfanRequestException => new UserErrorException("PlatformUnreachable", error.Message),
        null => throw new ArgumentNullException(nameof(error)),
        _ => new UserErrorException("PlatformRefused", error.Message),
    };

    /// <summary>Whether the platform says that there is no such thing.</summary>
    public static bool IsNotFound(this QianfanException error) => error switch
    {
        QianfanApiException api => api.StatusCode is HttpStatusCode.NotFound || NotFoundCodes.Contains(api.Code),
        QianfanRequestException request => request.StatusCode is HttpStatusCode.NotFound,
        _ => false,
    };

    private static readonly HashSet<string> NotFoundCodes = new(StringComparer.OrdinalIgnoreCase) { "404", "NotFound", "ResourceNotFound", "not_found" };
}
