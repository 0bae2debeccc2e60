namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V2 <c>DescribeServiceMetric</c>.</summary>
public sealed record DescribeServiceMetricRequest
{
    /// <summary><c>yyyy-MM-ddTHH:mm:ssZ</c>.</summary>
    public required string StartTime { get; init; }

    /// <summary><c>yyyy-MM-ddTHH:mm:ssZ</c>.</summary>
    public required string EndTime { get; init; }

    /// <summary>Services to tell about.</summary>
    public IReadOnlyList<string>? ServiceId { get; set; }

    /// <summary>Application to tell about.</summary>
    public string? AppId { get; set; }
}

/// <summary>Result of V2 <c>DescribeServiceMetric</c>.</summary>
public sealed record ServiceMetrics
{
    /// <summary>ISO 8601.</summary>
    public string? StartTime { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? EndTime { get; set; }

    /// <summary>One for each service.</summary>
    public IReadOnlyList<ServiceMetric> ServiceList { get; set; } = [];
}

/// <summary>What a service was asked.</summary>
public sealed record ServiceMetric
{
    /// <summary><c>svco-...</c></summary>
    public string? ServiceId { get; set; }

    /// <summary>Name.</summary>
    public string? ServiceName { get; set; }

    /// <summary>One for each application; on our platform, for each access key.</summary>
    public IReadOnlyList<ServiceAppMetric> AppList { get; set; } = [];

    /// <summary>Extension of our platform: how fast it answered; null when it generated nothing.</summary>
    public ServicePerformance? Performance { get; set; }
}

/// <summary>Extension of our platform: how fast a service answered, measured on the newest calls of the span, 10,000 at the most.</summary>
public sealed record ServicePerformance
{
    /// <summary>Calls that were measured: those that generated text.</summary>
    public int Calls { get; set; }

    /// <summary>Milliseconds from a call's beginning to its first token: half of the calls had it by then.</summary>
    public double FirstTokenMillisecondsP50 { get; set; }

    /// <summary>The same for 95 of 100 calls.</summary>
    public double FirstTokenMillisecondsP95 { get; set; }

    /// <summary>The same for 99 of 100 calls.</summary>
    public double FirstTokenMillisecondsP99 { get; set; }

    /// <summary>Tokens a second after the first one, the median of the calls; null when none had more than one.</summary>
    public double? TokensPerSecondP50 { get; set; }
}

/// <summary>What a service was asked by one application.</summary>
public sealed record ServiceAppMetric
{
    /// <summary>The application.</summary>
    public string? AppId { get; set; }

    /// <summary>Counts.</summary>
    public ServiceCounts? Metric { get; set; }
}

/// <summary>Counts of calls and tokens.</summary>
public sealed record ServiceCounts
{
    /// <summary>Tokens of the questions.</summary>
    public long InputTokensTotal { get; set; }

    /// <summary>Tokens of the answers.</summary>
    public long OutputTokensTotal { get; set; }

    /// <summary>Tokens together.</summary>
    public long TokensTotal { get; set; }

    /// <summary>Calls that were answered.</summary>
    public long SucceedCallTotal { get; set; }

    /// <summary>Calls that failed.</summary>
    public long FailureCallTotal { get; set; }

    /// <summary>Calls together.</summary>
    public long CallTotal { get; set; }
}

/// <summary>Body of V2 <c>DescribePresetServices</c>.</summary>
public sealed record DescribePresetServicesRequest
{
    /// <summary>Services.</summary>
    public IReadOnlyList<string>? ServiceIds { get; set; }

    /// <summary>Types to filter by.</summary>
    public IReadOnlyList<string>? ServiceType { get; set; }

    /// <summary>Kinds of payment to filter by.</summary>
    public IReadOnlyList<string>? ChargeType { get; set; }

    /// <summary>States of payment to filter by.</summary>
    public IReadOnlyList<string>? ChargeStatus { get; set; }
}
