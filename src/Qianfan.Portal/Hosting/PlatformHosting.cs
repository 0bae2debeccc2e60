using System.Net.Sockets;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;
using Qianfan.Platform;
using Qianfan.Platform.Access;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk;

namespace Qianfan.Portal.Hosting;

/// <summary>The embedded platform: its API on the portal's addresses and on a Unix socket, its trainer, and the portal's answer to who may call it.</summary>
public static class PlatformHosting
{
    /// <summary>The HTTP client that reaches the embedded platform.</summary>
    public const string EmbeddedClient = "embedded-platform";

    /// <summary>Its base address; the host name is for signatures alone.</summary>
    public const string EmbeddedAddress = "http://embedded.platform";

    public static WebApplicationBuilder AddPlatform(this WebApplicationBuilder builder, Roles roles)
    {
        if (roles.Portal)
            AddClients(builder.Services);
        if (!roles.Platform && !roles.Trainer)
            return builder;

        if (roles.Portal)
            builder.Services.AddSingleton<IPlatformAccess, PortalPlatformAccess>().AddSingleton<ITaskListener, ProgramTaskListener>();
        else
            AddStandalone(builder.Services, roles);
        builder.Services.AddQianfanPlatform(builder.Configuration.GetSection("Platform"));
        builder.Services.AddOptions<PlatformOptions>().PostConfigure<IOptions<PortalOptions>>((platform, portal) =>
        {
            platform.DataDirectory = Path.Combine(portal.Value.DataDirectory, "platform");
            platform.PublicUrl = portal.Value.PublicUrl;
            platform.MaxFileBytes = portal.Value.MaxUploadBytes;
            platform.Api = roles.Platform;
            platform.Trainer = roles.Trainer;
        });
        return builder;
    }

    public static IEndpointRouteBuilder MapPlatform(this IEndpointRouteBuilder endpoints)
    {
        var roles = endpoints.ServiceProvider.GetRequiredService<Roles>();
        return roles.Platform ? endpoints.MapQianfanPlatform() : endpoints;
    }

    private static void AddClients(IServiceCollection services)
    {
        // Clients are kept for as long as their connection: the handler renews its own connections, and the SDK keeps its own time limits.
        services.AddHttpClient(EmbeddedClient, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(provider => OverSocket(provider.GetRequiredService<DataDirectory>().SocketPath))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        services.AddHttpClient(PlatformClients.RemoteClient, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(() => QianfanHttp.CreateHandler(new QianfanOptions()))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
    }

    // Without the portal nobody signs in: callers have keys, and these stand in the settings.
    private static void AddStandalone(IServiceCollection services, Roles roles)
    {
        services.AddOptions<PlatformOptions>().Validate(
            platform => !roles.Platform || platform.Keys.Count > 0, "Platform:Keys is empty: without the role portal, keys come from there alone, and nobody could call this platform.");
        // Deny by default, as in the portal.
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder(PlatformKeyDefaults.Scheme).RequireAuthenticatedUser().Build());
        // Authentication brings it along and makes a key for it; nothing here is protected with it.
        services.AddOptions<KeyManagementOptions>().Configure<DataDirectory, ILoggerFactory>(
            (keys, data, logging) => keys.XmlRepository = new FileSystemXmlRepository(new DirectoryInfo(Path.Combine(data.FullPath, "keys")), logging));
    }

    private static SocketsHttpHandler OverSocket(string path) => new()
    {
        // Nothing between the two ends changes, so connections may live as long as the process.
        PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
