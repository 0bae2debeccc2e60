using System.Net;
using System.Net.Security;

namespace Qianfan.Sdk;

/// <summary>The connection under a client.</summary>
public static class QianfanHttp
{
    /// <summary>
    /// The primary handler that a client's <see cref="HttpClient"/> should stand on: the proxy and the certificate check as the options say, no redirections (credentials would travel along), compressed answers, no cookies,
    /// connections that are tried for 15 seconds and renewed every 5 minutes, so that a changed address is seen.
    /// </summary>
    /// <param name="options"><see cref="QianfanOptions.Proxy"/> and <see cref="QianfanOptions.SslVerificationEnabled"/> are used.</param>
    /// <returns>A new handler; the caller disposes it.</returns>
    public static SocketsHttpHandler CreateHandler(QianfanOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.All,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            // A stream that is left early is hung up at once, so that the platform stops generating; else what is left would be read for 2 seconds.
            ResponseDrainTimeout = TimeSpan.Zero,
        };
        if (options.Proxy is { Length: > 0 } proxy)
        {
            handler.Proxy = new WebProxy(proxy);
        }

        if (!options.SslVerificationEnabled)
        {
#pragma warning disable CA5359 // Asked for by the setting that says so.
            handler.SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true };
#pragma warning restore CA5359
        }

        return handler;
    }
}
