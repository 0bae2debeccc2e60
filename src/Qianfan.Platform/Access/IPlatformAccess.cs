namespace Qianfan.Platform;

/// <summary>Tells the platform who is calling. The host registers one: the portal from its API keys, a standalone platform from its configuration.</summary>
public interface IPlatformAccess
{
    /// <summary>The key pair of an access key, or null when there is none or it was revoked. Called for every request: must be quick and thread-safe.</summary>
    /// <param name="accessKey">The public half of the pair, as the caller sent it.</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken);
}

/// <summary>A key pair and what it may do.</summary>
/// <param name="AccessKey">The public half.</param>
/// <param name="SecretKey">The secret half.</param>
/// <param name="OwnerId">Who owns what the key creates; nothing of another owner is visible to it.</param>
/// <param name="ReadOnly">Whether the key may only read and infer.</param>
public sealed record PlatformKey(string AccessKey, string SecretKey, string OwnerId, bool ReadOnly)
{
    /// <summary>Inference requests that the key may make in a minute of the clock; null is no limit.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens, of prompts and answers, that the key may use in a minute of the clock; null is no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>The key without its secret.</summary>
    public override string ToString() => $"PlatformKey {AccessKey} of {OwnerId}";
}
