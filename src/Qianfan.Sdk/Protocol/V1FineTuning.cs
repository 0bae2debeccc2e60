using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V1 <c>finetune/createTask</c>. A task of V1 is a job of V2.</summary>
public sealed record V1CreateTaskRequest
{
    /// <summary>Name, 2 to 20 characters.</summary>
    public required string Name { get; init; }

    /// <summary>Family of the base model; platforms after the seed's time want it.</summary>
    public string? BaseTrainType { get; set; }

    /// <summary>Base model; platforms after the seed's time want it.</summary>
    public string? TrainType { get; set; }

    /// <summary>Free text, at most 500 characters.</summary>
    public string? Description { get; set; }
}

/// <summary>Result of V1 <c>finetune/createTask</c>.</summary>
public sealed record V1CreateTaskResult
{
    /// <summary>The task's integer id.</summary>
    public required string Id { get; init; }

    /// <summary><c>job-...</c>, the id that V2 uses.</summary>
    public string? Uuid { get; set; }

    /// <summary>Name.</summary>
    public string? Name { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? CreateTime { get; set; }
}

/// <summary>Body of V1 <c>finetune/createJob</c>. A job of V1 is a task of V2: one training.</summary>
public sealed record V1CreateJobRequest
{
    /// <summary>The task.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string TaskId { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>0 is an ordinary training.</summary>
    public int? JobRunType { get; set; }

    /// <summary>Family of the base model, such as <c>ERNIE-Bot-turbo</c>.</summary>
    public string? BaseTrainType { get; set; }

    /// <summary>Base model, such as <c>ERNIE-Bot-turbo-0725</c>.</summary>
    public required string TrainType { get; init; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode { get; set; } = TrainMode.Sft;

    /// <summary><c>LoRA</c>, <c>ALL</c>, <c>P-tuning</c>.</summary>
    public string? PeftType { get; set; }

    /// <summary>How to train.</summary>
    public required V1TrainConfig TrainConfig { get; init; }

    /// <summary>What to train on.</summary>
    public required IReadOnlyList<V1TrainDataset> Trainset { get; init; }

    /// <summary>Percent held out for validation.</summary>
    public int? TrainsetRate { get; set; }
}

/// <summary>How a job of V1 is trained; what is null is the platform's choice.</summary>
public sealed record V1TrainConfig
{
    /// <summary>Passes over the rows.</summary>
    public int? Epoch { get; set; }

    /// <summary>Learning rate.</summary>
    public double? LearningRate { get; set; }

    /// <summary>Rows a step.</summary>
    public int? BatchSize { get; set; }

    /// <summary>Longest row in tokens.</summary>
    public int? MaxSeqLen { get; set; }

    /// <summary>Further members, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>A dataset of a V1 job.</summary>
public sealed record V1TrainDataset
{
    /// <summary>1 a dataset of the platform, 2 a private bucket.</summary>
    public int Type { get; set; } = 1;

    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string Id { get; init; }
}

/// <summary>Result of V1 <c>finetune/createJob</c>.</summary>
public sealed record V1CreateJobResult
{
    /// <summary>The job's integer id.</summary>
    public required string Id { get; init; }

    /// <summary><c>task-...</c>, the id that V2 uses.</summary>
    public string? Uuid { get; set; }
}

/// <summary>Body of V1 <c>finetune/jobDetail</c> and <c>finetune/stopJob</c>.</summary>
public sealed record V1JobRequest
{
    /// <summary>The task.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string TaskId { get; init; }

    /// <summary>The job.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string JobId { get; init; }
}

/// <summary>Result of V1 <c>finetune/jobDetail</c>.</summary>
public sealed record V1JobDetail
{
    /// <summary>The job's integer id.</summary>
    public string Id { get; set; } = "";

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>The task's integer id.</summary>
    public string? TaskId { get; set; }

    /// <summary>Name of the task.</summary>
    public string? TaskName { get; set; }

    /// <summary>Number of the job in its task.</summary>
    public string? Version { get; set; }

    /// <summary>0 is an ordinary training.</summary>
    public int? JobRunType { get; set; }

    /// <summary>Base model.</summary>
    public string? TrainType { get; set; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode { get; set; }

    /// <summary><c>LoRA</c>, <c>ALL</c>, <c>P-tuning</c>.</summary>
    public string? PeftType { get; set; }

    /// <summary>Status.</summary>
    public required V1TrainStatus TrainStatus { get; init; }

    /// <summary>Percent; missing on some platforms.</summary>
    public double? Progress { get; set; }

    /// <summary>Seconds since the start.</summary>
    public double RunTime { get; set; }

    /// <summary>Seconds of training.</summary>
    public double TrainTime { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? StartTime { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>; zeros while unfinished.</summary>
    public string? FinishTime { get; set; }

    /// <summary>Address of a chart.</summary>
    public string? VdlLink { get; set; }
}
