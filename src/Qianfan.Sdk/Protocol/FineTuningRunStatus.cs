using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Status of a fine-tuning task (V2 <c>runStatus</c>).</summary>
[JsonConverter(typeof(WireTextConverter<FineTuningRunStatus>))]
public readonly record struct FineTuningRunStatus : IWireText<FineTuningRunStatus>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public FineTuningRunStatus(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Queued.</summary>
    public static FineTuningRunStatus Waiting { get; } = new("Waiting");

    /// <summary>Training.</summary>
    public static FineTuningRunStatus Running { get; } = new("Running");

    /// <summary>Finished well.</summary>
    public static FineTuningRunStatus Done { get; } = new("Done");

    /// <summary>Ended with an error.</summary>
    public static FineTuningRunStatus Failed { get; } = new("Failed");

    /// <summary>Stopped by request.</summary>
    public static FineTuningRunStatus Stopped { get; } = new("Stopped");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>True for <see cref="Done"/>, <see cref="Failed"/> and <see cref="Stopped"/>: nothing more happens by itself.</summary>
    public bool IsTerminal => this == Done || this == Failed || this == Stopped;

    /// <summary>The value of a text.</summary>
    public static FineTuningRunStatus From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
