namespace Qianfan.Platform.Spending;

/// <summary>What an account has spent in a month.</summary>
internal sealed class BudgetRow
{
    public required string Account { get; set; }

    /// <summary>Year and month in UTC, such as 202611.</summary>
    public int Month { get; set; }

    public long Spent { get; set; }
}

/// <summary>Tokens of an account that a process may spend without asking. What is left of them when the lease expires is the account's again.</summary>
internal sealed class LeaseRow
{
    public required string Account { get; set; }

    public int Month { get; set; }

    /// <summary>The process: a new one has another name.</summary>
    public required string Holder { get; set; }

    /// <summary>What is not settled yet.</summary>
    public long Tokens { get; set; }

    public DateTimeOffset ExpiresAt { get; set; }
}
