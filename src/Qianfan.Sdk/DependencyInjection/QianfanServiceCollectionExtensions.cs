using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Qianfan.Sdk;
using Qianfan.Sdk.DependencyInjection;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts Qianfan's clients into a service collection.</summary>
/// <remarks>
/// Settings, later ones winning: defaults, environment (<see cref="QianfanOptions.FromEnvironment"/>), the configuration section, code. They are checked when the host starts, or else when the client is made; a wrong one raises <see cref="OptionsValidationException"/> with the setting's name.
/// A client is a singleton on <see cref="IHttpClientFactory"/>: it repeats the calls that the platform's codes allow, each with its own timeout; below it stands a circuit breaker for each host. Other resilience handlers, those of the host's defaults too, are taken off, as they would repeat calls once more and cut long ones.
/// </remarks>
public static class QianfanServiceCollectionExtensions
{
    /// <summary>Adds <see cref="QianfanClient"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Settings in code, over those of the environment.</param>
    /// <returns>The client's HTTP side, to go on with: handlers, proxies, resilience.</returns>
    public static IHttpClientBuilder AddQianfan(this IServiceCollection services, Action<QianfanOptions>? configure = null) =>
        QianfanRegistration.Add(services, null, null, configure);

    /// <summary>Adds <see cref="QianfanClient"/> with a section of the configuration; its keys are the names of <see cref="QianfanOptions"/>'s members.</summary>
    /// <inheritdoc cref="AddQianfan(IServiceCollection, Action{QianfanOptions})"/>
    /// <param name="services">The services.</param>
    /// <param name="section">For example <c>configuration.GetSection("Qianfan")</c>. Read when the client is made.</param>
    /// <param name="configure">Settings in code, over those of the section.</param>
    public static IHttpClientBuilder AddQianfan(this IServiceCollection services, IConfiguration section, Action<QianfanOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return QianfanRegistration.Add(services, null, section, configure);
    }

    /// <summary>Adds one <see cref="QianfanClient"/> of several, under a key.</summary>
    /// <inheritdoc cref="AddQianfan(IServiceCollection, Action{QianfanOptions})"/>
    /// <param name="services">The services.</param>
    /// <param name="name">Key of the client, and name of its options.</param>
    /// <param name="configure">Settings in code, over those of the environment.</param>
    public static IHttpClientBuilder AddQianfan(this IServiceCollection services, string name, Action<QianfanOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return QianfanRegistration.Add(services, name, null, configure);
    }

    /// <summary>Adds one <see cref="QianfanClient"/> of several, under a key, with a section of the configuration.</summary>
    /// <inheritdoc cref="AddQianfan(IServiceCollection, IConfiguration, Action{QianfanOptions})"/>
    /// <param name="services">The services.</param>
    /// <param name="name">Key of the client, and name of its options.</param>
    /// <param name="section">For example <c>configuration.GetSection("Qianfan:Cloud")</c>. Read when the client is made.</param>
    /// <param name="configure">Settings in code, over those of the section.</param>
    public static IHttpClientBuilder AddQianfan(this IServiceCollection services, string name, IConfiguration section, Action<QianfanOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(section);
        return QianfanRegistration.Add(services, name, section, configure);
    }

    /// <summary>Adds an <see cref="IChatClient"/> for a model, on a client that <c>AddQianfan</c> added. With the package Microsoft.Extensions.AI, <c>services.AddChatClient(p => p.GetRequiredService&lt;QianfanClient&gt;().AsIChatClient(model))</c> gives the same with decorators.</summary>
    /// <param name="services">The services.</param>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="name">Key of the client, and of what is added; null for the one without.</param>
    public static IServiceCollection AddQianfanChatClient(this IServiceCollection services, string model, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(model);
        services.TryAddKeyedSingleton<IChatClient>(name, (provider, key) => QianfanRegistration.Client(provider, (string?)key).AsIChatClient(model));
        return services;
    }

    /// <summary>Adds an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> for a model, on a client that <c>AddQianfan</c> added.</summary>
    /// <param name="services">The services.</param>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="name">Key of the client, and of what is added; null for the one without.</param>
    public static IServiceCollection AddQianfanEmbeddingGenerator(this IServiceCollection services, string model, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(model);
        services.TryAddKeyedSingleton<IEmbeddingGenerator<string, Embedding<float>>>(name, (provider, key) => QianfanRegistration.Client(provider, (string?)key).AsIEmbeddingGenerator(model));
        return services;
    }
}
