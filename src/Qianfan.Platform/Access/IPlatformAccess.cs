namespace Qianfan.Platform;

/// <summary>Tells the platform who is calling, and what they may spend. The host registers one: the portal from its API keys, a standalone platform from its configuration.</summary>
public interface IPlatformAccess
{
    /// <summary>The key pair of an access key, or null when there is none or it was revoked. Called for every request: must be quick and thread-safe.</summary>
    /// <param name="accessKey">The public half of the pair, as the caller sent it.</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken);

    /// <summary>The quotas that bind an owner; none by default. Called for every inference call: must be quick and thread-safe.</summary>
    /// <param name="ownerId">The owner.</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask<IReadOnlyList<PlatformQuota>> FindQuotasAsync(string ownerId, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<PlatformQuota>>([]);

    /// <summary>Hears that a key was used, after it was checked. Called for every request: must be quick and thread-safe. Does nothing by default.</summary>
    /// <param name="key">The key.</param>
    /// <param name="api">The API that it called.</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask NoteUseAsync(PlatformKey key, ApiGeneration api, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}

/// <summary>The generations of APIs that the platform speaks.</summary>
public enum ApiGeneration
{
    /// <summary>Qianfan's first: <c>/wenxinworkshop</c>, <c>/rpc/2.0</c>, <c>/oauth/2.0</c>.</summary>
    V1,

    /// <summary>Qianfan's second: <c>/v2</c>.</summary>
    V2,

    /// <summary>OpenAI's: <c>/v1</c>.</summary>
    OpenAI,
}

/// <summary>What some owners may use between them. Null is no limit.</summary>
/// <param name="Account">The quota's name in the ledger; it keeps what was spent, so it stays the same when limits change.</param>
/// <param name="Owners">Whose use counts, the owner who was asked for among them.</param>
public sealed record PlatformQuota(string Account, IReadOnlyList<string> Owners)
{
    /// <summary>Tokens, of prompts and answers, in a month of the calendar (UTC); 0 or more.</summary>
    public long? TokensPerMonth { get; init; }

    /// <summary>Fine-tuning tasks that run at the same time, 0 or more; others wait.</summary>
    public int? ConcurrentRuns { get; init; }

    /// <summary>Bytes of uploads, datasets, tasks and models, 0 or more.</summary>
    public long? StorageBytes { get; init; }
}

/// <summary>A key pair and what it may do.</summary>
/// <param name="AccessKey">The public half.</param>
/// <param name="SecretKey">The secret half.</param>
/// <param name="OwnerId">Who owns what the key creates; nothing of another owner is visible to it.</param>
/// <param name="Scopes">What the key may do.</param>
public sealed record PlatformKey(string AccessKey, string SecretKey, string OwnerId, KeyScopes Scopes)
{
    /// <summary>Inference requests that the key may make in a minute of the clock; null is no limit.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens, of prompts and answers, that the key may use in a minute of the clock; null is no limit.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>The key without its secret.</summary>
    public override string ToString() => $"PlatformKey {AccessKey} of {OwnerId}";
}
