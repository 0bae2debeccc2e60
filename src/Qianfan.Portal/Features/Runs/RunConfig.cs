using System.Text.Json;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>What a run is asked to do. Kept with the run as JSON.</summary>
public sealed record RunConfig
{
    /// <summary>Name of the run, 1 to 80 characters.</summary>
    public string Name { get; init; } = "";

    /// <summary>The rows; its connection is the run's.</summary>
    public Guid DatasetId { get; init; }

    /// <summary>The dataset's id on the platform, kept here because the run goes on when the portal's row is gone.</summary>
    public string DatasetPlatformId { get; init; } = "";

    /// <summary>Base model by its name on the platform.</summary>
    public string BaseModel { get; init; } = "";

    /// <summary>Kind of training: what the rows are for.</summary>
    public TrainMode TrainMode { get; init; } = TrainMode.Sft;

    /// <summary>Name of the model that is published; the run's name when empty.</summary>
    public string ModelName { get; init; } = "";

    /// <summary>How to train; what is null is the base model's default.</summary>
    public TrainConfig Train { get; init; } = new();

    /// <summary>Whether the published model is deployed.</summary>
    public bool Deploy { get; init; } = true;

    /// <summary>Name of the service; the model's name when empty.</summary>
    public string ServiceName { get; init; } = "";

    /// <summary>How the service is called.</summary>
    public ServiceType ServiceType { get; init; } = ServiceType.Chat;

    /// <summary>For a run that only deploys: the model set on the platform.</summary>
    public string? ModelSetPlatformId { get; init; }

    /// <summary>For a run that only deploys: the model version on the platform.</summary>
    public string? ModelPlatformId { get; init; }

    /// <summary>For a run that follows a program's task: the task's job on the platform.</summary>
    public string? JobPlatformId { get; init; }

    /// <summary>Reads what a run keeps.</summary>
    public static RunConfig Of(Run run) => JsonSerializer.Deserialize<RunConfig>(run.ConfigJson, JsonText.Options) ?? new RunConfig();

    /// <summary>What a run keeps.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonText.Options);
}
