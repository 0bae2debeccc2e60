using System.Net;

namespace Qianfan.Sdk;

/// <summary>Anything that this library raises on purpose. Messages never hold keys, tokens or request bodies.</summary>
/// <remarks>Seed: <c>qianfan.errors.QianfanError</c>.</remarks>
public class QianfanException : Exception
{
    /// <summary>Creates the error.</summary>
    public QianfanException(string message) : base(message)
    {
    }

    /// <summary>Creates the error with its cause.</summary>
    public QianfanException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}

/// <summary>The platform answered with an error of its own: a code and a message.</summary>
/// <remarks>Seed: <c>qianfan.errors.APIError</c>.</remarks>
public class QianfanApiException : QianfanException
{
    /// <summary>Creates the error.</summary>
    /// <param name="code">The platform's code; a number (<c>336100</c>) or a word (<c>InappropriateJSON</c>) as text.</param>
    /// <param name="apiMessage">The platform's message.</param>
    /// <param name="requestId">The platform's id for the request, or null.</param>
    /// <param name="statusCode">HTTP status of the answer; V1 errors come with 200.</param>
    public QianfanApiException(string code, string apiMessage, string? requestId, HttpStatusCode statusCode)
        : base(Describe(code, apiMessage, requestId, statusCode))
    {
        Code = code;
        ApiMessage = apiMessage;
        RequestId = requestId;
        StatusCode = statusCode;
    }

    /// <summary>The platform's error code as text.</summary>
    public string Code { get; }

    /// <summary>The platform's own message.</summary>
    public string ApiMessage { get; }

    /// <summary>The platform's id for the request, or null when it gave none.</summary>
    public string? RequestId { get; }

    /// <summary>HTTP status of the answer.</summary>
    public HttpStatusCode StatusCode { get; }

    /// <summary>How long the platform asks to wait before the next attempt (<c>Retry-After</c>), or null.</summary>
    public TimeSpan? RetryAfter { get; init; }

    private static string Describe(string code, string message, string? requestId, HttpStatusCode status)
    {
        var suffix = requestId is null ? "" : $", request id {requestId}";
        return $"{message} (code {code}, HTTP {(int)status}{suffix})";
    }
}

/// <summary>The credentials are missing, unknown, expired or not allowed to do this.</summary>
/// <remarks>Seed: <c>qianfan.errors.AccessTokenExpiredError</c>, <c>AuthError</c>.</remarks>
public sealed class QianfanAuthenticationException : QianfanApiException
{
    internal static readonly TimeSpan SkewThatMatters = TimeSpan.FromMinutes(1);

    /// <inheritdoc cref="QianfanApiException(string, string, string?, HttpStatusCode)"/>
    public QianfanAuthenticationException(string code, string apiMessage, string? requestId, HttpStatusCode statusCode)
        : base(code, apiMessage, requestId, statusCode)
    {
    }

    /// <summary>How far this machine's clock is ahead of the platform's (negative: behind), to the second; null when the platform didn't tell its time. A signature made with a wrong clock is refused.</summary>
    public TimeSpan? ClockSkew { get; init; }

    /// <inheritdoc/>
    public override string Message => ClockSkew is { } skew && skew.Duration() >= SkewThatMatters
        ? $"{base.Message} This machine's clock is {skew.Duration():d\\.hh\\:mm\\:ss} {(skew > TimeSpan.Zero ? "ahead of" : "behind")} the platform's; signatures need the right time."
        : base.Message;

    internal DateTimeOffset? ServerTime { get; init; }
}

/// <summary>Too many requests or tokens in the platform's eyes: a second, a minute, a day, or in all.</summary>
/// <remarks>The official client raises <c>qianfan.errors.APIError</c> for it. <see cref="QianfanApiException.RetryAfter"/> says when to come again, if the platform does.</remarks>
public sealed class QianfanRateLimitException : QianfanApiException
{
    /// <inheritdoc cref="QianfanApiException(string, string, string?, HttpStatusCode)"/>
    public QianfanRateLimitException(string code, string apiMessage, string? requestId, HttpStatusCode statusCode)
        : base(code, apiMessage, requestId, statusCode)
    {
    }
}

/// <summary>No usable answer came: the connection failed, the time was up, or the answer is not what the protocol says.</summary>
/// <remarks>Seed: <c>qianfan.errors.RequestError</c>.</remarks>
public sealed class QianfanRequestException : QianfanException
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="statusCode">HTTP status when there was an answer at all.</param>
    /// <param name="innerException">The cause.</param>
    public QianfanRequestException(string message, HttpStatusCode? statusCode = null, Exception? innerException = null)
        : base(message, innerException) => StatusCode = statusCode;

    /// <summary>HTTP status of the answer, or null when none came.</summary>
    public HttpStatusCode? StatusCode { get; }

    /// <summary>True when the request certainly never reached the platform, so that it can be repeated without doing anything twice.</summary>
    public bool NotSent { get; init; }
}

/// <summary>An argument or a configuration is wrong; nothing was sent.</summary>
/// <remarks>Seed: <c>qianfan.errors.InvalidArgumentError</c>.</remarks>
public sealed class InvalidArgumentException : QianfanException
{
    /// <summary>Creates the error.</summary>
    public InvalidArgumentException(string message) : base(message)
    {
    }
}

/// <summary>The work on the platform ended badly: a training failed, a model could not be published, a service not deployed.</summary>
/// <remarks>Seed: <c>qianfan.errors.InternalError</c>.</remarks>
public sealed class InternalErrorException : QianfanException
{
    /// <summary>Creates the error.</summary>
    public InternalErrorException(string message) : base(message)
    {
    }

    /// <summary>Creates the error with its cause.</summary>
    public InternalErrorException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>The platform's error code, when it gave one.</summary>
    public string? Code { get; init; }
}
