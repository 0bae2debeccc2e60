namespace Qianfan.Sdk.Protocol;

/// <summary>Answer of <c>/v1/BCE-BEARER/token</c>.</summary>
public sealed record BearerToken
{
    /// <summary>Owner.</summary>
    public string? UserId { get; init; }

    /// <summary>The token, <c>bce-v3/...</c>. Secret.</summary>
    public required string Token { get; init; }

    /// <summary><c>enable</c></summary>
    public string? Status { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>When it ends.</summary>
    public DateTimeOffset? ExpireTime { get; init; }

    /// <summary>Tells nothing of the token.</summary>
    public override string ToString() => $"BearerToken {{ ExpireTime = {ExpireTime} }}";
}
