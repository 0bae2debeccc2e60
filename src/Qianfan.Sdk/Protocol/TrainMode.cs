using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Kind of training.</summary>
[JsonConverter(typeof(WireTextConverter<TrainMode>))]
public readonly record struct TrainMode : IWireText<TrainMode>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public TrainMode(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Supervised fine-tuning on prompts and responses.</summary>
    public static TrainMode Sft { get; } = new("SFT");

    /// <summary>Continued pre-training on plain text.</summary>
    public static TrainMode PostPretrain { get; } = new("PostPretrain");

    /// <summary>Direct preference optimisation.</summary>
    public static TrainMode Dpo { get; } = new("DPO");

    /// <summary>Kahneman-Tversky optimisation.</summary>
    public static TrainMode Kto { get; } = new("KTO");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>The value of a text.</summary>
    public static TrainMode From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
