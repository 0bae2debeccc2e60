using Qianfan.Platform;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Quotas;

namespace Qianfan.Portal.Hosting;

/// <summary>The platform's view of the portal's API keys and quotas: the owner of what a key creates is the key's project.</summary>
internal sealed class PortalPlatformAccess(ApiKeyService keys, QuotaService quotas) : IPlatformAccess
{
    public async ValueTask<PlatformKey?> FindKeyAsync(string accessKey, CancellationToken cancellationToken) =>
        await keys.FindAsync(accessKey, cancellationToken) is { } key
            ? new PlatformKey(key.AccessKey, key.SecretKey, key.ProjectId.ToString(), key.Scopes)
            : null;

    public ValueTask<IReadOnlyList<PlatformQuota>> FindQuotasAsync(string ownerId, CancellationToken cancellationToken) => quotas.FindAsync(ownerId, cancellationToken);

    public ValueTask NoteUseAsync(PlatformKey key, ApiGeneration api, CancellationToken cancellationToken) => keys.NoteUseAsync(key.AccessKey, api, cancellationToken);
}
