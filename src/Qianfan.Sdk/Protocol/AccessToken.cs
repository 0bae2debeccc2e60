using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Answer of <c>/oauth/2.0/token</c>. Its text form shows no secret.</summary>
public sealed record AccessToken
{
    /// <summary>The token. Secret.</summary>
    [JsonPropertyName("access_token")]
    public required string Value { get; init; }

    /// <summary>Seconds until it ends; 30 days as a rule.</summary>
    [JsonPropertyName("expires_in")]
    public long ExpiresIn { get; set; } = 2_592_000;

    /// <summary>What it is good for, separated by spaces.</summary>
    [JsonPropertyName("scope")]
    public string? Scope { get; set; }

    /// <summary>Tells nothing of the token.</summary>
    public override string ToString() => $"AccessToken {{ ExpiresIn = {ExpiresIn} }}";
}
