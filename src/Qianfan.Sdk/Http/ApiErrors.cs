using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Qianfan.Sdk.Http;

/// <summary>Finds the error in an answer, whichever of the platform's envelopes it came in.</summary>
/// <param name="time">The client's clock.</param>
internal sealed class ApiErrors(TimeProvider time)
{
    /// <summary>The error that the answer to an inference call tells of, or null when it tells of none. Quick where there is none.</summary>
    public QianfanApiException? FindInference(ReadOnlySpan<byte> body, HttpResponseMessage response)
    {
        // Both of its envelopes have a key that begins so. Without it there is nothing to look for.
        if (body.IndexOf("\"error"u8) < 0)
        {
            return null;
        }

        var reader = new Utf8JsonReader(body);
        using var document = JsonDocument.ParseValue(ref reader);
        return Find(document.RootElement, response);
    }

    /// <summary>The error that a body tells of, or null when it tells of none.</summary>
    public QianfanApiException? Find(JsonElement root, HttpResponseMessage response)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var requestId = Text(root, "requestId") ?? Text(root, "log_id") ?? Text(root, "id");
        if (Text(root, "error_code") is { } code && code != "0")
        {
            return Create(code, Text(root, "error_msg") ?? "", requestId, response);
        }

        if (root.TryGetProperty("error", out var error))
        {
            if (error.ValueKind == JsonValueKind.Object)
            {
                return Create(Text(error, "code") ?? Text(error, "type") ?? "error", Text(error, "message") ?? "", requestId, response);
            }

            if (error.ValueKind == JsonValueKind.String)
            {
                return Create(error.GetString()!, Text(root, "error_description") ?? "", requestId, response);
            }
        }

        var datasetFailure = (root.TryGetProperty("success", out var success) && success.ValueKind == JsonValueKind.False)
            || (Text(root, "status") == "400" && !root.TryGetProperty("result", out _));
        if (datasetFailure || (!root.TryGetProperty("result", out _) && Text(root, "code") is not null && Text(root, "message") is not null))
        {
            return Create(Text(root, "code") ?? Text(root, "status") ?? "error", Text(root, "message") ?? "", requestId, response);
        }

        return null;
    }

    /// <summary>The error of an answer that isn't 2xx.</summary>
    public QianfanException FromFailure(HttpResponseMessage response, ReadOnlyMemory<byte> body)
    {
        if (TryParse(body) is { } document)
        {
            using (document)
            {
                if (Find(document.RootElement, response) is { } found)
                {
                    return found;
                }
            }
        }

        if (Header(response, "X-Bce-Error-Code") is { } code)
        {
            return Create(code, Header(response, "X-Bce-Error-Message") ?? "", Header(response, "X-Bce-Request-Id"), response);
        }

        var status = (int)response.StatusCode;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => Create(status.ToString(CultureInfo.InvariantCulture), "The platform refused the credentials.", null, response),
            >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest => new QianfanRequestException(
                $"The platform answered HTTP {status}: it wants the call at {(response.Headers.Location is { IsAbsoluteUri: true } there ? there.GetLeftPart(UriPartial.Authority) : "another address")}. Credentials are not sent after a redirection; put the address into the options if it is right.",
                response.StatusCode),
            _ => new QianfanRequestException($"The platform answered HTTP {status} without an explanation.", response.StatusCode),
        };
    }

    private QianfanApiException Create(string code, string message, string? requestId, HttpResponseMessage response)
    {
        var retryAfter = RetryAfter(response);
        var status = response.StatusCode;
        if (status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden || QianfanErrorCodes.IsAuthentication(code))
        {
            var serverTime = response.Headers.Date;
            return new QianfanAuthenticationException(code, message, requestId, status)
            {
                RetryAfter = retryAfter,
                ServerTime = serverTime,
                ClockSkew = serverTime is { } date ? time.GetUtcNow() - date : null,
            };
        }

        return status == HttpStatusCode.TooManyRequests || QianfanErrorCodes.IsRateLimit(code)
            ? new QianfanRateLimitException(code, message, requestId, status) { RetryAfter = retryAfter }
            : new QianfanApiException(code, message, requestId, status) { RetryAfter = retryAfter };
    }

    /// <summary>Seconds, or a date; a date is taken from the platform's own time where it tells it.</summary>
    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date - (response.Headers.Date ?? time.GetUtcNow()) is var wait && wait > TimeSpan.Zero => wait,
        { Date: not null } => TimeSpan.Zero,
        _ => null,
    };

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> body)
    {
        try
        {
            return body.Length == 0 ? null : JsonDocument.Parse(body);
        }
        catch (JsonException)
        {
            // An error page of a proxy, say: the HTTP status is all there is to tell.
            return null;
        }
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        }
        : null;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
