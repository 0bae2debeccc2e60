using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Sdk;

namespace Qianfan.Portal.Features.Connections;

/// <summary>Makes SDK clients for connections. Thread-safe. The caller has checked that the connection is the actor's.</summary>
public sealed class PlatformClients(IDbContextFactory<PortalDbContext> contexts, SecretProtector secrets, IHttpClientFactory http, TimeProvider time)
{
    /// <summary>The HTTP client for platforms other than the embedded one.</summary>
    public const string RemoteClient = "remote-platform";

    // A client holds a cached bearer token and its rate state: it is kept while the credential stays the same.
    private readonly ConcurrentDictionary<Guid, (string Credential, QianfanClient Client)> _clients = new();

    /// <summary>The client of a connection.</summary>
    /// <exception cref="NotFoundException">There is no such connection.</exception>
    public async Task<QianfanClient> ForAsync(Guid connectionId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var connection = await db.Connections.AsNoTracking().SingleOrDefaultAsync(c => c.Id == connectionId, cancellationToken)
            ?? throw new NotFoundException("connection");
        var credential = $"{connection.Kind}|{connection.ConsoleUrl}|{connection.AccessKey}|{connection.ProtectedSecretKey}|{connection.BosBucket}";
        var cached = _clients.GetOrAdd(connectionId, _ => (credential, Create(connection)));
        if (cached.Credential != credential)
            _clients[connectionId] = cached = (credential, Create(connection));
        return cached.Client;
    }

    private QianfanClient Create(Connection connection)
    {
        var options = new QianfanOptions
        {
            AccessKey = connection.AccessKey,
            SecretKey = secrets.Unprotect(connection.ProtectedSecretKey),
            PlatformExtensions = connection.Kind is not ConnectionKind.Cloud,
            Bos = new BosOptions { Bucket = connection.BosBucket },
        };
        var address = connection.Kind is ConnectionKind.Embedded ? PlatformHosting.EmbeddedAddress : connection.ConsoleUrl;
        if (address is not null)
            options = options with { ConsoleBaseUrl = address, BaseUrl = address, IamBaseUrl = address };
        return new QianfanClient(options, http.CreateClient(connection.Kind is ConnectionKind.Embedded ? PlatformHosting.EmbeddedClient : RemoteClient), time);
    }
}
