using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>What the actions ask of a platform, in the words of V2: a job holds tasks, a model set holds versions. One form for each <see cref="ApiVersion"/>.</summary>
internal abstract class TrainingApi
{
    /// <param name="client">The way to the platform.</param>
    /// <param name="baseModel">Family of a base model that V1's table doesn't hold.</param>
    public static TrainingApi Of(QianfanClient client, string? baseModel = null) =>
        client.Options.ApiVersion == ApiVersion.V1 ? new TrainingApiV1(client, baseModel) : new TrainingApiV2(client);

    /// <summary>What can be done with a base model.</summary>
    /// <exception cref="InvalidArgumentException">It can't be trained so.</exception>
    public abstract Task<ModelInfo> FindModelAsync(string trainType, TrainMode mode, CancellationToken cancellationToken);

    public abstract Task<string> CreateJobAsync(JobOrder order, CancellationToken cancellationToken);

    /// <summary>The job of that name, or null.</summary>
    public abstract Task<string?> FindJobAsync(JobOrder order, CancellationToken cancellationToken);

    public abstract Task<string> CreateTaskAsync(TaskOrder order, CancellationToken cancellationToken);

    /// <summary>The tasks of a job; none where they can't be listed.</summary>
    public abstract Task<IReadOnlyList<string>> ListTasksAsync(string jobId, CancellationToken cancellationToken);

    /// <summary>The task of a job that isn't one of those known, or null.</summary>
    public abstract Task<string?> FindTaskAsync(string jobId, IReadOnlyCollection<string> known, CancellationToken cancellationToken);

    /// <summary>A task, and the answer as it came.</summary>
    public abstract Task<(FineTuningTask Task, JsonNode Raw)> DescribeTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken);

    public abstract Task StopTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken);

    /// <summary>Publishes a task as a new model.</summary>
    /// <returns>The model set.</returns>
    public abstract Task<string> PublishAsync(string name, string jobId, string taskId, CancellationToken cancellationToken);

    /// <summary>The model set of that name, or null.</summary>
    public abstract Task<string?> FindModelAsync(string name, CancellationToken cancellationToken);

    /// <summary>The newest version of a model set.</summary>
    /// <exception cref="InternalErrorException">It has none.</exception>
    public abstract Task<string> NewestVersionAsync(string modelSetId, CancellationToken cancellationToken);

    public abstract Task<string> CreateServiceAsync(ServiceOrder order, CancellationToken cancellationToken);

    /// <summary>The service of that name, or null.</summary>
    public abstract Task<string?> FindServiceAsync(string name, CancellationToken cancellationToken);

    public abstract Task<ServiceDescription> DescribeServiceAsync(string serviceId, CancellationToken cancellationToken);
}

/// <summary>A job to create.</summary>
internal sealed record JobOrder(string Name, ModelInfo Model, TrainMode Mode, string? Description);

/// <summary>A task to create.</summary>
internal sealed record TaskOrder
{
    public required string JobId { get; init; }

    public required ModelInfo Model { get; init; }

    public required TrainMode Mode { get; init; }

    public required TrainConfig Config { get; init; }

    public required FineTuningDatasetConfig Datasets { get; init; }

    public string? Description { get; init; }

    public string? IncrementTaskId { get; init; }

    public int? IncrementCheckpointStep { get; init; }

    public JsonObject? Corpus { get; init; }

    public JsonObject? Extras { get; init; }
}

/// <summary>A service to create.</summary>
internal sealed record ServiceOrder(string Name, string Endpoint, string ModelSetId, string ModelId, DeployConfig Config);
