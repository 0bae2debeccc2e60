using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Runs;

/// <summary>A run in a list.</summary>
public sealed record RunSummary
{
    public required Guid Id { get; init; }
    public required string Name { get; init; }
    public required RunKind Kind { get; init; }
    public required RunStatus Status { get; init; }

    /// <summary>0 to 100.</summary>
    public required int Progress { get; init; }
    public required string BaseModel { get; init; }
    public string? DatasetName { get; init; }

    /// <summary>Who started it; null when that person is gone.</summary>
    public string? ByName { get; init; }

    /// <summary>Name of the API key of the program that started it; null when a person did.</summary>
    public string? StartedByKey { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }
}

/// <summary>A page of runs.</summary>
/// <param name="Runs">Newest first.</param>
/// <param name="Total">How many there are on all pages.</param>
public sealed record RunPageOf(IReadOnlyList<RunSummary> Runs, int Total);

/// <summary>All that the page of a run shows besides its events.</summary>
public sealed record RunDetails
{
    public required RunSummary Run { get; init; }
    public required RunConfig Config { get; init; }
    public required string ConnectionName { get; init; }
    public Guid? DatasetId { get; init; }

    /// <summary>The task that is followed; null for runs of our own.</summary>
    public string? TaskId { get; init; }

    /// <summary>Why it failed; null otherwise.</summary>
    public string? Error { get; init; }

    /// <summary>The last state of each action that has one, by class.</summary>
    public required IReadOnlyDictionary<string, string> ActionStates { get; init; }
    public Guid? ModelSetId { get; init; }
    public string? ModelName { get; init; }
    public Guid? ServiceId { get; init; }
    public string? ServiceName { get; init; }

    /// <summary>How the service is called: a name of <c>ServiceType</c>.</summary>
    public string? ServiceType { get; init; }
}

/// <summary>A dataset that a run can start with.</summary>
/// <param name="Id">The dataset.</param>
/// <param name="Name">Its name.</param>
/// <param name="GoodRows">Rows that can be learned from.</param>
/// <param name="ConnectionId">Where it lies; the run goes there too.</param>
/// <param name="ConnectionName">Name of that.</param>
public sealed record DatasetOption(Guid Id, string Name, int GoodRows, Guid ConnectionId, string ConnectionName, TrainMode TrainMode);
