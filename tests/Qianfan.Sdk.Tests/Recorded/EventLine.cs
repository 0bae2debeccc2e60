using System.Text.Json.Nodes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>An event as the recordings tell it: class, state, message, and the names of the data's members; <c>answer</c> where the data is what the platform answered, <c>null</c> where there is none.</summary>
internal sealed record EventLine(string Class, string State, string Message, string Data)
{
    public static IReadOnlyList<EventLine> Recorded(string file, string scenario)
    {
        using var stream = typeof(EventLine).Assembly.GetManifestResourceStream(file).ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var run = JsonNode.Parse(line)!;
            if (run["scenario"]!.GetValue<string>() == scenario)
            {
                return [.. run["events"]!.AsArray().Select(e => new EventLine(
                    e!["cls"]!.GetValue<string>(),
                    e["state"]!.GetValue<string>(),
                    e["msg"]!.GetValue<string>(),
                    e["data"] is JsonArray keys ? string.Join(' ', keys.Select(k => k!.GetValue<string>())) : e["state"]!.GetValue<string>() == "Stopped" ? "null" : "answer"))];
            }
        }

        throw new InvalidOperationException($"There is no scenario {scenario} in {file}.");
    }

    public static IReadOnlyList<string> Scenarios(string file)
    {
        using var stream = typeof(EventLine).Assembly.GetManifestResourceStream(file).ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        var names = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            names.Add(JsonNode.Parse(line)!["scenario"]!.GetValue<string>());
        }

        return names;
    }

    public static EventLine Of(Event e) => new(
        e.ActionClass,
        e.ActionState.ToString(),
        e.Description[(e.Description.IndexOf("msg:", StringComparison.Ordinal) + 4)..],
        e.Data switch
        {
            null => "null",
            JsonObject data when data["result"] is not null => "answer",
            JsonObject data => string.Join(' ', data.Select(p => p.Key).Order(StringComparer.Ordinal)),
            _ => "?",
        });

    public override string ToString() => $"{Class}.{State} {Message} [{Data}]";
}
