using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Hosting;

/// <summary>Settings, data folder, addresses and logging of the process.</summary>
public static class PortalHosting
{
    /// <summary>Adds them.</summary>
    /// <returns>What this process does.</returns>
    public static Roles AddHosting(this WebApplicationBuilder builder)
    {
        var roles = Roles.From(builder.Configuration);
        var section = builder.Configuration.GetSection(PortalOptions.Section);
        var data = new DataDirectory(section[nameof(PortalOptions.DataDirectory)] ?? "");
        var urls = builder.Configuration[WebHostDefaults.ServerUrlsKey] is { Length: > 0 } configured ? configured : "http://localhost:5080";
        // The app is Production under `dotnet run` too; assets then come from the build's manifest. A published app has none and needs none.
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.UseUrls(roles.Platform ? [.. urls.Split(';'), $"http://unix:{data.SocketPath}"] : urls.Split(';'));

        builder.Services.AddSingleton(roles);
        // By factory, so that the container disposes it and lets go of the folder.
        builder.Services.AddSingleton(_ => data);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddOptions<PortalOptions>()
            .Bind(section)
            .PostConfigure(options =>
            {
                options.DataDirectory = data.FullPath;
                if (options.PublicUrl.Length == 0)
                    options.PublicUrl = urls.Split(';')[0].Replace("*", "localhost", StringComparison.Ordinal).Replace("+", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal);
                options.PublicUrl = options.PublicUrl.TrimEnd('/');
            })
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<PortalOptions>, ValidatePortalOptions>();
        // A service manager that asks gets an end within ten seconds; what is under way then goes on at the next start.
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(8));
        builder.Services.Configure<KestrelServerOptions>(options => options.AddServerHeader = false);
        builder.Services.PostConfigure<LoggerFilterOptions>(RequestLogs.HideQueryStrings);
        builder.Services.AddHealthChecks();
        builder.Services.AddHostedService<StartBanner>();
        return roles;
    }

    public static WebApplication UseHosting(this WebApplication app)
    {
        app.UsePipeline();
        // Live: the process answers. Ready: its databases do too.
        app.MapHealthChecks(Urls.Live, new HealthCheckOptions { Predicate = _ => false }).AllowAnonymous();
        app.MapHealthChecks(Urls.Ready).AllowAnonymous();
        return app;
    }
}

/// <summary>What attributes can't say; each message names the setting.</summary>
internal sealed class ValidatePortalOptions : IValidateOptions<PortalOptions>
{
    public ValidateOptionsResult Validate(string? name, PortalOptions options)
    {
        List<string> errors = [];
        if (options.Database is { Provider: DatabaseProvider.PostgreSql, ConnectionString.Length: 0 })
            errors.Add("Portal:Database:ConnectionString is empty; PostgreSql needs one.");
        if (!Uri.TryCreate(options.PublicUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            errors.Add($"Portal:PublicUrl '{options.PublicUrl}' is no http or https address.");
        var bootstrap = options.Bootstrap;
        if (bootstrap.AccessKey.Length > 0 != bootstrap.SecretKey.Length > 0)
            errors.Add("Portal:Bootstrap:AccessKey and Portal:Bootstrap:SecretKey go together.");
        if (bootstrap.Email.Length > 0 && bootstrap.Password.Length == 0)
            errors.Add("Portal:Bootstrap:Password is empty while Portal:Bootstrap:Email is set.");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}

/// <summary>Tells on the console where the data lies and where to go.</summary>
internal sealed partial class StartBanner(DataDirectory data, IServer server, IHostApplicationLifetime lifetime, ILogger<StartBanner> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Data(logger, data.FullPath);
        lifetime.ApplicationStarted.Register(() =>
        {
            foreach (var address in server.Features.Get<IServerAddressesFeature>()?.Addresses.Where(a => !a.StartsWith("http://unix:", StringComparison.Ordinal)) ?? [])
                Ready(logger, address);
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Information, Message = "Data folder: {Folder}")]
    private static partial void Data(ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "Qianfan Portal is ready: {Address}")]
    private static partial void Ready(ILogger logger, string address);
}
