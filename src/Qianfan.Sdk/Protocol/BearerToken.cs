namespace Qianfan.Sdk.Protocol;

/// <summary>Answer of <c>/v1/BCE-BEARER/token</c>.</summary>
public sealed record BearerToken
{
    /// <summary>Owner.</summary>
    public string? UserId { get; set; }

    /// <summary>The token, <c>bce-v3/...</c>. Secret.</summary>
    public required string Token { get; init; }

    /// <summary><c>enable</c></summary>
    public string? Status { get; set; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset? CreateTime { get; set; }

    /// <summary>When it ends.</summary>
    public DateTimeOffset? ExpireTime { get; set; }

    /// <summary>Tells nothing of the token.</summary>
    public override string ToString() => $"BearerToken {{ ExpireTime = {ExpireTime} }}";
}
