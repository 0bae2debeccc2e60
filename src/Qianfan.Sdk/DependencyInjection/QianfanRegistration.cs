using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;
using Polly;

namespace Qianfan.Sdk.DependencyInjection;

/// <summary>What <c>AddQianfan</c> adds.</summary>
internal static class QianfanRegistration
{
    public static IHttpClientBuilder Add(IServiceCollection services, string? name, IConfiguration? section, Action<QianfanOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<QianfanEnvironment>();
        services.TryAddTransient<IOptionsFactory<QianfanOptions>, QianfanOptionsFactory>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<QianfanOptions>, QianfanOptionsValidator>());
        var options = services.AddOptions<QianfanOptions>(name ?? Options.DefaultName).ValidateOnStart();
        if (section is not null)
        {
            options.Bind(section);
        }

        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.TryAddKeyedSingleton(name, (provider, key) => Create(provider, (string?)key));
        return AddHttp(services, name);
    }

    public static QianfanClient Client(IServiceProvider provider, string? name) => provider.GetRequiredKeyedService<QianfanClient>(name);

    private static QianfanClient Create(IServiceProvider provider, string? name) => new(
        OptionsOf(provider, name),
        provider.GetRequiredService<IHttpClientFactory>().CreateClient(HttpName(name)),
        provider.GetService<TimeProvider>());

    private static QianfanOptions OptionsOf(IServiceProvider provider, string? name) => provider.GetRequiredService<IOptionsMonitor<QianfanOptions>>().Get(name);

    private static string HttpName(string? name) => name is null ? "Qianfan" : $"Qianfan:{name}";

    private static IHttpClientBuilder AddHttp(IServiceCollection services, string? name)
    {
        // Time is kept by the client, for each kind of call; a timeout here would cut streams and uploads.
        var builder = services.AddHttpClient(HttpName(name), client => client.Timeout = Timeout.InfiniteTimeSpan)
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(provider => QianfanHttp.CreateHandler(OptionsOf(provider, name)));
#pragma warning disable EXTEXP0001 // The way of Microsoft.Extensions.Http.Resilience to leave a host's defaults.
        builder.RemoveAllResilienceHandlers();
#pragma warning restore EXTEXP0001
        builder.AddHttpMessageHandler(() => new RejectionHandler());
        builder.AddResilienceHandler("circuit-breaker", pipeline => pipeline.AddCircuitBreaker(new HttpCircuitBreakerStrategyOptions
        {
            // The host is ill, not merely busy: the platform's own limits (429) are the client's business.
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is HttpRequestException or IOException || (int?)arguments.Outcome.Result?.StatusCode is 500 or 502 or 503 or 504),
            FailureRatio = 0.5,
            MinimumThroughput = 20,
            SamplingDuration = TimeSpan.FromSeconds(30),
            BreakDuration = TimeSpan.FromSeconds(5),
        })).SelectPipelineByAuthority();
        return builder;
    }
}
