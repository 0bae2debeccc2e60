using Microsoft.Extensions.Options;

namespace Qianfan.Platform.Access;

/// <summary>Key pairs and quotas from <see cref="PlatformOptions.Keys"/>.</summary>
public sealed class ConfiguredPlatformAccess : IPlatformAccess
{
    private readonly Dictionary<string, PlatformKey> _keys;
    private readonly Dictionary<string, IReadOnlyList<PlatformQuota>> _quotas;

    /// <summary>Reads the keys once.</summary>
    /// <param name="options">The platform's settings.</param>
    public ConfiguredPlatformAccess(IOptions<PlatformOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _keys = options.Value.Keys.ToDictionary(
            key => key.AccessKey,
            key => new PlatformKey(key.AccessKey, key.SecretKey, key.OwnerId, key.EffectiveScopes) { RequestsPerMinute = key.RequestsPerMinute, TokensPerMinute = key.TokensPerMinute },
            StringComparer.Ordinal);
        _quotas = options.Value.Keys.GroupBy(key => key.OwnerId, StringComparer.Ordinal).ToDictionary(owner => owner.Key, QuotasOf, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_keys.GetValueOrDefault(accessKey));

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PlatformQuota>> FindQuotasAsync(string ownerId, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_quotas.GetValueOrDefault(ownerId, []));

    private static IReadOnlyList<PlatformQuota> QuotasOf(IGrouping<string, ConfiguredKey> owner) =>
    [
        new PlatformQuota(owner.Key, [owner.Key])
        {
            TokensPerMonth = owner.Min(key => key.TokensPerMonth),
            ConcurrentRuns = owner.Min(key => key.ConcurrentRuns),
            StorageBytes = owner.Min(key => key.StorageBytes),
        },
    ];
}
