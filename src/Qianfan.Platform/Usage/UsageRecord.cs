namespace Qianfan.Platform.Usage;

/// <summary>One inference call and what it used. Written once, never changed.</summary>
internal sealed class UsageRecord
{
    public long Id { get; set; }

    public required string OwnerId { get; set; }

    public required string AccessKey { get; set; }

    public ApiGeneration Api { get; set; }

    /// <summary>The service's endpoint, or the base model's name. Empty when there was none.</summary>
    public string Model { get; set; } = "";

    /// <summary>The service (<c>svco-...</c>). Empty for a base model.</summary>
    public string ServiceId { get; set; } = "";

    /// <summary>HTTP status, also where an API answers its errors with 200; 499 when the client went away before the end.</summary>
    public int Status { get; set; }

    public long PromptTokens { get; set; }

    public long CompletionTokens { get; set; }

    /// <summary>Those of the prompt's tokens that were known from an earlier call.</summary>
    public long CachedTokens { get; set; }

    /// <summary>Until the first token of the first answer; null when there was none.</summary>
    public int? FirstTokenMilliseconds { get; set; }

    /// <summary>From the call's beginning to its end.</summary>
    public int Milliseconds { get; set; }

    /// <summary>When the call began.</summary>
    public DateTimeOffset Time { get; set; }

    public bool Failed => Status != 200;
}

/// <summary>The sums of an hour's calls that are alike: what pages and metrics read, however many calls there are.</summary>
internal sealed class UsageHour
{
    public required string OwnerId { get; set; }

    /// <summary>When the hour began.</summary>
    public DateTimeOffset Hour { get; set; }

    public required string AccessKey { get; set; }

    public ApiGeneration Api { get; set; }

    public required string Model { get; set; }

    public required string ServiceId { get; set; }

    public long Calls { get; set; }

    public long FailedCalls { get; set; }

    public long PromptTokens { get; set; }

    public long CompletionTokens { get; set; }

    public long CachedTokens { get; set; }

    /// <summary>When the last of them began.</summary>
    public DateTimeOffset LastAt { get; set; }
}
