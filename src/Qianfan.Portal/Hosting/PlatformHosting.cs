using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Qianfan.Platform;
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

    public static WebApplicationBuilder AddPlatform(this WebApplicationBuilder builder)
    {
        var roles = Roles.From(builder.Configuration);
        // Clients are kept for as long as their connection: the handler renews its own connections, and the SDK keeps its own time limits.
        builder.Services.AddHttpClient(EmbeddedClient, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(services => OverSocket(services.GetRequiredService<DataDirectory>().SocketPath))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        builder.Services.AddHttpClient(PlatformClients.RemoteClient, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(() => QianfanHttp.CreateHandler(new QianfanOptions()))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        if (!roles.Platform && !roles.Trainer)
            return builder;

        if (roles.Portal)
            builder.Services.AddSingleton<IPlatformAccess, PortalPlatformAccess>().AddSingleton<ITaskListener, ProgramTaskListener>();
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
