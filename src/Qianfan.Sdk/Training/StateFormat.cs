using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>The written form of actions, models and services: one JSON object with a version.</summary>
internal static class StateFormat
{
    public const int Version = 2;

    /// <summary>The oldest that is still read.</summary>
    private const int Oldest = 1;

    public static JsonSerializerOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject Parse(string json)
    {
        JsonObject state;
        try
        {
            state = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw new InvalidArgumentException("The state is no JSON object.");
        }
        catch (JsonException)
        {
            throw new InvalidArgumentException("The state is no JSON.");
        }

        var version = Number(state, "version");
        return version is >= Oldest and <= Version
            ? state
            : throw new InvalidArgumentException($"The state has version {version}; this library reads versions {Oldest} to {Version}.");
    }

    /// <summary>Reads a state; what doesn't fit in it is refused in one way, whatever notices it.</summary>
    public static T Read<T>(string json, Func<JsonObject, T> read)
    {
        var state = Parse(json);
        try
        {
            return read(state);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw Broken(e.Message);
        }
    }

    public static InvalidArgumentException Broken(string name) => new($"The state is broken: {name}.");

    public static string RequiredText(JsonObject state, string name) => Text(state, name) ?? throw Broken(name);

    public static string? Text(JsonObject state, string name) => state[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonValue value => value.ToJsonString(),
        _ => throw Broken(name),
    };

    public static bool Flag(JsonObject state, string name) => state[name] is JsonValue value && value.TryGetValue<bool>(out var flag) && flag;

    public static int Number(JsonObject state, string name) => state[name] is JsonValue value && value.TryGetValue<int>(out var number) ? number : 0;

    public static long Long(JsonObject state, string name) => state[name] is JsonValue value && value.TryGetValue<long>(out var number) ? number : 0;
}
