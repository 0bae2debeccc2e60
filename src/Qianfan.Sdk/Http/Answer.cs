using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Qianfan.Sdk.Http;

/// <summary>What an answer is to be read as. Thread-safe.</summary>
internal abstract class Answer<T>
{
    /// <summary>Reads a successful answer; an error in an envelope is thrown.</summary>
    public abstract T Read(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors);
}

/// <summary>A wire record: an answer to an inference call, which has no envelope.</summary>
internal sealed class RecordAnswer<T>(JsonTypeInfo<T> type, string name) : Answer<T>
{
    public override T Read(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors) => Read(body.Span, response, errors);

    /// <summary>The same, for a piece of a stream.</summary>
    public T Read(ReadOnlySpan<byte> body, HttpResponseMessage response, ApiErrors errors)
    {
        try
        {
            if (errors.FindInference(body, response) is { } error)
            {
                throw error;
            }

            return JsonSerializer.Deserialize(body, type) ?? throw new QianfanRequestException($"The answer to {name} is null.", response.StatusCode);
        }
        catch (JsonException e)
        {
            throw Json.Refused(e, name, response.StatusCode);
        }
    }
}

/// <summary>A wire record that is the whole body, or stands under <c>result</c>.</summary>
internal sealed class ConsoleAnswer<T>(JsonTypeInfo<T> type, string name, bool enveloped = true) : Answer<T>
{
    public override T Read(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors)
    {
        using var document = Json.Parse(body, response, errors);
        return Json.Deserialize(enveloped ? Json.Result(document.RootElement, name) : document.RootElement, type, name);
    }
}

/// <summary>A wire record under <c>result</c>, and the whole answer as it came.</summary>
internal sealed class RawAnswer<T>(JsonTypeInfo<T> type, string name) : Answer<(T Result, JsonElement Raw)>
{
    public override (T Result, JsonElement Raw) Read(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors)
    {
        using var document = Json.Parse(body, response, errors);
        return (Json.Deserialize(Json.Result(document.RootElement, name), type, name), document.RootElement.Clone());
    }
}

/// <summary>Nothing: the status says it all.</summary>
internal sealed class NoAnswer : Answer<bool>
{
    public override bool Read(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors) => true;
}

/// <summary>Reading JSON, with our exceptions.</summary>
internal static class Json
{
    /// <summary>Reads a body as JSON; an error in any envelope is thrown.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> body, HttpResponseMessage response, ApiErrors errors)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body);
        }
        catch (JsonException e)
        {
            throw new QianfanRequestException("The platform's answer is no JSON.", response.StatusCode, e);
        }

        if (errors.Find(document.RootElement, response) is { } error)
        {
            document.Dispose();
            throw error;
        }

        return document;
    }

    /// <summary>What stands under <c>result</c>.</summary>
    public static JsonElement Result(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty("result", out var result) && result.ValueKind != JsonValueKind.Null
            ? result
            : throw new QianfanRequestException($"The answer to {name} has no result.", HttpStatusCode.OK);

    /// <summary>Reads a wire record out of an answer.</summary>
    public static T Deserialize<T>(JsonElement element, JsonTypeInfo<T> type, string name)
    {
        try
        {
            return element.Deserialize(type) ?? throw new QianfanRequestException($"The answer to {name} is null.", HttpStatusCode.OK);
        }
        catch (JsonException e)
        {
            throw Refused(e, name, HttpStatusCode.OK);
        }
    }

    public static QianfanRequestException Refused(JsonException e, string name, HttpStatusCode status) => string.IsNullOrEmpty(e.Path)
        ? new QianfanRequestException("The platform's answer is no JSON.", status, e)
        : new QianfanRequestException($"The answer to {name} is not what the protocol says: {e.Path}.", status, e);
}
