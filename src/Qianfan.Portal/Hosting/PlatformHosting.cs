namespace Qianfan.Portal.Hosting;

/// <summary>The embedded platform: its API on the portal's addresses and on a Unix socket, its trainer, and the portal's answer to who may call it.</summary>
public static class PlatformHosting
{
    public static WebApplicationBuilder AddPlatform(this WebApplicationBuilder builder) => builder;

    public static IEndpointRouteBuilder MapPlatform(this IEndpointRouteBuilder endpoints) => endpoints;
}
