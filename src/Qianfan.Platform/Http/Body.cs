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
            return JsonSerializer.Deserialize<T>(bytes, PlatformJson.Options) ?? throw new PlatformException(PlatformError.MalformedJson, "The body is null");
        }
        catch (JsonException exception)
        {
            throw Explain(exception);
        }
    }

    /// <summary>What is wrong with some JSON, said with the field's name.</summary>
    public static PlatformException Explain(JsonException exception)
    {
        if (MissingFields().Match(exception.Message) is { Success: true } missing) return PlatformException.Missing(missing.Groups[1].Value);
        var field = exception.Path?.TrimStart('$', '.') ?? "";
        // A path of "$" with a position is a syntax error; a path to a member is a value that doesn't fit.
        if (field.Length > 0 && !exception.Message.Contains("is invalid", StringComparison.Ordinal) && !exception.Message.Contains("is an invalid", StringComparison.Ordinal))
            return PlatformException.Invalid(field, $"param[{PlatformException.Shown(field)}] invalid: the value has the wrong type or is out of range");
        if (field.Length == 0 && exception.InnerException is null && exception.BytePositionInLine is not null && exception.Message.Contains("could not be converted", StringComparison.Ordinal))
            return new PlatformException(PlatformError.MalformedJson, "The body must be a JSON object");
        return new PlatformException(PlatformError.MalformedJson, $"The body is no valid JSON (line {exception.LineNumber + 1}, byte {exception.BytePositionInLine})");
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
