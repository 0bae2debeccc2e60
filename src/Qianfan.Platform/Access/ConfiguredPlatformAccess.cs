using Microsoft.Extensions.Options;

namespace Qianfan.Platform.Access;

/// <summary>Key pairs from <see cref="PlatformOptions.Keys"/>.</summary>
public sealed class ConfiguredPlatformAccess : IPlatformAccess
{
    private readonly Dictionary<string, PlatformKey> _keys;

    /// <summary>Reads the keys once.</summary>
    /// <param name="options">The platform's settings.</param>
    public ConfiguredPlatformAccess(IOptions<PlatformOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _keys = options.Value.Keys.ToDictionary(
            key => key.AccessKey,
            key => new PlatformKey(key.AccessKey, key.SecretKey, key.OwnerId, key.ReadOnly) { RequestsPerMinute = key.RequestsPerMinute, TokensPerMinute = key.TokensPerMinute },
            StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_keys.GetValueOrDefault(accessKey));
}
