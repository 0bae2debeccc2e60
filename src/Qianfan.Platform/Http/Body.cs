using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Qianfan.Platform.Http;

/// <summary>A JSON request body. What is wrong with it is said with the field's name.</summary>
/// <param name="Value">The request; a body that is empty or <c>null</c> counts as <c>{}</c>, which is how some official clients say "no parameters".</param>
internal sealed record Body<T>(T Value)
{
    /// <summary>Reads the body of a request.</summary>
    public static async ValueTask<Body<T>> BindAsync(HttpContext context) => new(await Bodies.ReadAsync<T>(context));
}

internal static partial class Bodies
{
    /// <summary>Reads the body of a request.</summary>
    /// <exception cref="PlatformException">It is too large, no JSON, or a field is missing or has the wrong type.</exception>
    public static async ValueTask<T> ReadAsync<T>(HttpContext context)
    {
        var bytes = await ReadBytesAsync(context);
        try
        {
            if (bytes.AsSpan().IndexOfAnyExcept(" \t\r\n"u8) < 0 || bytes.AsSpan().Trim(" \t\r\n"u8).SequenceEqual("null"u8)) bytes = "{}"u8.ToArray();
            return JsonSerializer.Deserialize<T>(bytes, Rules(context)) ?? throw new PlatformException(PlatformError.MalformedJson, "The body is null");
        }
        catch (JsonException exception)
        {
            throw SyntaxError(bytes) ?? Explain(exception);
        }
    }

    private static JsonSerializerOptions Rules(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<ApiFamily>()?.Requests ?? PlatformJson.Requests;

    private static PlatformException? SyntaxError(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object ? null : new PlatformException(PlatformError.MalformedJson, "The body must be a JSON object");
        }
        catch (JsonException exception)
        {
            return new PlatformException(PlatformError.MalformedJson, $"The body is no valid JSON (line {exception.LineNumber + 1}, byte {exception.BytePositionInLine})");
        }
    }

    private static PlatformException Explain(JsonException exception)
    {
        var path = exception.Path ?? "$";
        while (exception.InnerException is JsonException inner)
        {
            exception = inner;
            path += inner.Path?[1..];
        }

        if (MissingFields().Match(exception.Message) is { Success: true } missing) return PlatformException.Missing(missing.Groups[1].Value);
        var field = PlatformException.Shown(path.TrimStart('$', '.'));
        return PlatformException.Invalid(field, $"param[{field}] invalid: the value has the wrong type, is null or out of range");
    }

    private static async ValueTask<byte[]> ReadBytesAsync(HttpContext context)
    {
        var limit = context.RequestServices.GetRequiredService<IOptions<PlatformOptions>>().Value.MaxRequestBytes;
        if (context.Request.ContentLength > limit) throw TooLarge(limit);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature) feature.MaxRequestBodySize = null;
        var reader = context.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted);
            var tooLarge = result.Buffer.Length > limit;
            if (tooLarge || result.IsCompleted)
            {
                var bytes = tooLarge ? [] : result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return tooLarge ? throw TooLarge(limit) : bytes;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static PlatformException TooLarge(long limit) => new(PlatformError.TooLarge, $"The body is larger than {limit} bytes (setting MaxRequestBytes)");

    [GeneratedRegex("missing required propert(?:y|ies) including: '([^']+)'")]
    private static partial Regex MissingFields();
}
