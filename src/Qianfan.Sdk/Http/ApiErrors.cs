using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Qianfan.Sdk.Http;

/// <summary>Finds the error in an answer, whichever of the platform's envelopes it came in.</summary>
internal static class ApiErrors
{
    private static readonly string[] s_authenticationCodes = ["13", "14", "110", "111", "invalid_client", "invalid_iam_token"];

    /// <summary>The error that a body tells of, or null when it tells of none.</summary>
    public static QianfanApiException? Find(JsonElement root, HttpResponseMessage response)
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
    public static QianfanException FromFailure(HttpResponseMessage response, byte[] body)
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

        return response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? Create(((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture), "The platform refused the credentials.", null, response)
            : new QianfanRequestException($"The platform answered HTTP {(int)response.StatusCode} without an explanation.", response.StatusCode);
    }

    private static QianfanApiException Create(string code, string message, string? requestId, HttpResponseMessage response)
    {
        var retryAfter = RetryAfter(response.Headers.RetryAfter);
        return response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden || s_authenticationCodes.Contains(code)
            ? new QianfanAuthenticationException(code, message, requestId, response.StatusCode) { RetryAfter = retryAfter }
            : new QianfanApiException(code, message, requestId, response.StatusCode) { RetryAfter = retryAfter };
    }

    private static TimeSpan? RetryAfter(RetryConditionHeaderValue? header) => header?.Delta;

    private static JsonDocument? TryParse(byte[] body)
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
