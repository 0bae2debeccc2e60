using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Portal.Features.Runs;

/// <summary>A run event as the feed, the hub and the event stream tell it.</summary>
/// <param name="Sequence">Gap-free within the run, from 1.</param>
/// <param name="Time">When it was stored, in milliseconds since 1970 (UTC) with a fraction: what a browser compares with its own clock.</param>
/// <param name="Kind">What it is about.</param>
/// <param name="ActionClass">Class of the action it came from; null for the run's own.</param>
/// <param name="ActionState">The action's state for <see cref="RunEventKind.Action"/>.</param>
/// <param name="Step">Training step, if it belongs to one.</param>
/// <param name="Data">The rest: the text of a JSON object, written into the message as it is.</param>
public sealed record RunEventMessage(
    long Sequence,
    double Time,
    [property: JsonConverter(typeof(JsonStringEnumConverter<RunEventKind>))] RunEventKind Kind,
    string? ActionClass,
    string? ActionState,
    int? Step,
    [property: JsonConverter(typeof(RawJsonConverter))] string Data)
{
    /// <summary>The message of a stored event.</summary>
    public static RunEventMessage From(RunEvent e) =>
        new(e.Sequence, (e.Time - DateTimeOffset.UnixEpoch).TotalMilliseconds, e.Kind, e.ActionClass, e.ActionState, e.Step, e.DataJson);
}

/// <summary>Text that is JSON already: neither parsed on its way out of the database nor written as a string.</summary>
internal sealed class RawJsonConverter : JsonConverter<string>
{
    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.GetRawText();
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteRawValue(value);
}
