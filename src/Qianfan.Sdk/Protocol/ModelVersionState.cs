using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>State of a model version (V1 <c>state</c>).</summary>
[JsonConverter(typeof(WireTextConverter<ModelVersionState>))]
public readonly record struct ModelVersionState : IWireText<ModelVersionState>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public ModelVersionState(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Being published.</summary>
    public static ModelVersionState Creating { get; } = new("Creating");

    /// <summary>Can be deployed.</summary>
    public static ModelVersionState Ready { get; } = new("Ready");

    /// <summary>Publishing failed.</summary>
    public static ModelVersionState Fail { get; } = new("Fail");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>The value of a text.</summary>
    public static ModelVersionState From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
