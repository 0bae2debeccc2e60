using Qianfan.Platform;
using Qianfan.Portal.Features.ApiKeys;

namespace Qianfan.Portal.Hosting;

/// <summary>The platform's view of the portal's API keys: the owner of what a key creates is the key's project.</summary>
internal sealed class PortalPlatformAccess(ApiKeyService keys) : IPlatformAccess
{
    public async ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken) =>
        await keys.FindAsync(accessKey, cancellationToken) is { } key
            ? new PlatformKey(key.AccessKey, key.SecretKey, key.ProjectId.ToString(), key.ReadOnly)
            : null;
}
