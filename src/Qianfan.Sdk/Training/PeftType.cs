using System.Text.Json.Serialization;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>How much of the model is trained. On the wire of V2 it is called <c>parameterScale</c>.</summary>
[JsonConverter(typeof(WireTextConverter<PeftType>))]
public readonly record struct PeftType : IWireText<PeftType>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public PeftType(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Low-rank adapters beside frozen weights.</summary>
    public static PeftType LoRA { get; } = new("LoRA");

    /// <summary>All weights; <c>ALL</c> in the seed.</summary>
    public static PeftType FullFineTuning { get; } = new("FullFineTuning");

    /// <summary>A trained prompt; <c>P-tuning</c> in the seed.</summary>
    public static PeftType PromptTuning { get; } = new("PromptTuning");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>The V2 name of a seed name: <c>ALL</c> is <see cref="FullFineTuning"/>, <c>P-tuning</c> is <see cref="PromptTuning"/>; others stay.</summary>
    public PeftType Normalized => Value switch
    {
        "ALL" => FullFineTuning,
        "P-tuning" => PromptTuning,
        _ => this,
    };

    /// <summary>The name in the seed, which V1 takes: <see cref="FullFineTuning"/> is <c>ALL</c>, <see cref="PromptTuning"/> is <c>P-tuning</c>; others stay.</summary>
    public string SeedName => Value switch
    {
        "FullFineTuning" => "ALL",
        "PromptTuning" => "P-tuning",
        _ => Value,
    };

    /// <summary>The value of a text.</summary>
    public static PeftType From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
