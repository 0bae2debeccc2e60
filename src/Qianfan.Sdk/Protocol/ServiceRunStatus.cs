using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Status of a service (V2 <c>runStatus</c>; V1 says <c>Done</c> for <c>Serving</c>).</summary>
[JsonConverter(typeof(WireTextConverter<ServiceRunStatus>))]
public readonly record struct ServiceRunStatus : IWireText<ServiceRunStatus>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public ServiceRunStatus(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>To be deployed.</summary>
    public static ServiceRunStatus New { get; } = new("New");

    /// <summary>Being deployed.</summary>
    public static ServiceRunStatus Deploying { get; } = new("Deploying");

    /// <summary>Answers requests.</summary>
    public static ServiceRunStatus Serving { get; } = new("Serving");

    /// <summary>Answers requests, as V1 says it.</summary>
    public static ServiceRunStatus Done { get; } = new("Done");

    /// <summary>Deployment failed.</summary>
    public static ServiceRunStatus Failed { get; } = new("Failed");

    /// <summary>Taken out of service.</summary>
    public static ServiceRunStatus Stopped { get; } = new("Stopped");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>The value of a text.</summary>
    public static ServiceRunStatus From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}
