using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Status of a fine-tuning job of V1 (<c>trainStatus</c>).</summary>
[JsonConverter(typeof(WireTextConverter<V1TrainStatus>))]
public readonly record struct V1TrainStatus : IWireText<V1TrainStatus>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public V1TrainStatus(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Waiting or training.</summary>
    public static V1TrainStatus Running { get; } = new("RUNNING");

    /// <summary>Finished well.</summary>
    public static V1TrainStatus Finish { get; } = new("FINISH");

    /// <summary>Ended with an error.</summary>
    public static V1TrainStatus Fail { get; } = new("FAIL");

    /// <summary>Stopped by request.</summary>
    public static V1TrainStatus Stop { get; } = new("STOP");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>True for <see cref="Finish"/>, <see cref="Fail"/> and <see cref="Stop"/>: nothing more happens by itself.</summary>
    public bool IsTerminal => this == Finish || this == Fail || this == Stop;

    /// <summary>The value of a text.</summary>
    public static V1TrainStatus From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
