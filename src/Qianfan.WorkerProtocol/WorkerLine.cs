using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.WorkerProtocol;

/// <summary>Reads and writes the lines between platform and worker: one JSON object a line, UTF-8, <c>type</c> first.</summary>
public static class WorkerLine
{
    /// <summary>Raised when a line's meaning changes; both ends must have the same.</summary>
    public const int ProtocolVersion = 1;

    /// <summary>One line without its newline.</summary>
    public static string Write(HostMessage message) => JsonSerializer.Serialize(message, WorkerJson.Lines.HostMessage);

    /// <inheritdoc cref="Write(HostMessage)"/>
    public static string Write(WorkerMessage message) => JsonSerializer.Serialize(message, WorkerJson.Lines.WorkerMessage);

    /// <summary>The message of a line.</summary>
    /// <exception cref="JsonException">The line is no known message.</exception>
    public static HostMessage ReadHost(string line) =>
        JsonSerializer.Deserialize(line, WorkerJson.Lines.HostMessage) ?? throw new JsonException("The line is null.");

    /// <inheritdoc cref="ReadHost(string)"/>
    public static WorkerMessage ReadWorker(string line) =>
        JsonSerializer.Deserialize(line, WorkerJson.Lines.WorkerMessage) ?? throw new JsonException("The line is null.");

    /// <summary>A rows file's line.</summary>
    public static string Write(TrainingRow row) => JsonSerializer.Serialize(row, WorkerJson.Lines.TrainingRow);

    /// <summary>The row of a rows file's line.</summary>
    /// <exception cref="JsonException">The line is no row.</exception>
    public static TrainingRow ReadRow(string line) =>
        JsonSerializer.Deserialize(line, WorkerJson.Lines.TrainingRow) ?? throw new JsonException("The row is null.");
}

/// <summary>Serialization of the protocol's records.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    AllowOutOfOrderMetadataProperties = true)]
[JsonSerializable(typeof(HostMessage))]
[JsonSerializable(typeof(WorkerMessage))]
[JsonSerializable(typeof(TrainingRow))]
internal sealed partial class WorkerJson : JsonSerializerContext
{
    private static readonly Lazy<WorkerJson> s_lines = new(() =>
        // Text crosses a pipe, not a web page: Chinese stays readable and half as long.
        new WorkerJson(new JsonSerializerOptions(s_defaultOptions!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

    internal static WorkerJson Lines => s_lines.Value;
}
