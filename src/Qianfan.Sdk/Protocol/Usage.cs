namespace Qianfan.Sdk.Protocol;

/// <summary>Body of our platform's <c>DescribeUsage</c>. Days are those of UTC.</summary>
public sealed record DescribeUsageRequest
{
    /// <summary>First day, <c>yyyy-MM-dd</c>; null is the first of this month.</summary>
    public string? StartDate { get; set; }

    /// <summary>Last day, <c>yyyy-MM-dd</c>, at most 366 days on; null is today.</summary>
    public string? EndDate { get; set; }
}

/// <summary>Result of our platform's <c>DescribeUsage</c>: what the caller's owner used.</summary>
public sealed record UsageReport
{
    /// <summary>First day, <c>yyyy-MM-dd</c>.</summary>
    public string StartDate { get; set; } = "";

    /// <summary>Last day, <c>yyyy-MM-dd</c>.</summary>
    public string EndDate { get; set; } = "";

    /// <summary>Sums of calls that are alike, by day.</summary>
    public IReadOnlyList<UsageSum> UsageList { get; set; } = [];

    /// <summary>The quotas that bind the owner, and what is used of them now.</summary>
    public IReadOnlyList<QuotaUse> QuotaList { get; set; } = [];
}

/// <summary>The calls of a day that came with the same key, by the same API, for the same model.</summary>
public sealed record UsageSum
{
    /// <summary><c>yyyy-MM-dd</c></summary>
    public string Date { get; set; } = "";

    /// <summary>The key's public half.</summary>
    public string AccessKey { get; set; } = "";

    /// <summary><c>V1</c>, <c>V2</c> or <c>OpenAI</c>.</summary>
    public string Api { get; set; } = "";

    /// <summary>A service's endpoint, or a base model; empty where a call named none that there is.</summary>
    public string Model { get; set; } = "";

    /// <summary><c>svco-...</c>; empty for a base model.</summary>
    public string ServiceId { get; set; } = "";

    /// <summary>Calls together.</summary>
    public long CallTotal { get; set; }

    /// <summary>Calls that failed.</summary>
    public long FailureCallTotal { get; set; }

    /// <summary>Tokens of the questions.</summary>
    public long InputTokensTotal { get; set; }

    /// <summary>Tokens of the answers.</summary>
    public long OutputTokensTotal { get; set; }

    /// <summary>Those of the questions' tokens that were known from earlier ones.</summary>
    public long CachedTokensTotal { get; set; }

    /// <summary>When the last of them began, ISO 8601.</summary>
    public string LastTime { get; set; } = "";
}

/// <summary>A quota and what is used of it. A limit that is null is none.</summary>
public sealed record QuotaUse
{
    /// <summary>The quota's name in the ledger.</summary>
    public string Account { get; set; } = "";

    /// <summary>Tokens of this month (UTC) at most.</summary>
    public long? TokensPerMonth { get; set; }

    /// <summary>Tokens of this month that are spent.</summary>
    public long TokensUsed { get; set; }

    /// <summary>Fine-tuning tasks that may run at the same time.</summary>
    public int? ConcurrentRuns { get; set; }

    /// <summary>Tasks that run.</summary>
    public int RunningRuns { get; set; }

    /// <summary>Bytes that may be stored.</summary>
    public long? StorageBytes { get; set; }

    /// <summary>Bytes that are stored.</summary>
    public long StorageUsed { get; set; }
}
