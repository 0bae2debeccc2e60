using Microsoft.Extensions.Options;

namespace Qianfan.Sdk.DependencyInjection;

/// <summary>Lets options begin with what the environment says; sections and code come on top.</summary>
internal sealed class QianfanOptionsFactory(
    QianfanEnvironment environment,
    IEnumerable<IConfigureOptions<QianfanOptions>> setups,
    IEnumerable<IPostConfigureOptions<QianfanOptions>> postConfigures,
    IEnumerable<IValidateOptions<QianfanOptions>> validations) : OptionsFactory<QianfanOptions>(setups, postConfigures, validations)
{
    protected override QianfanOptions CreateInstance(string name) => QianfanOptions.FromEnvironment(environment.Read);
}

/// <summary>The process's environment, or another one.</summary>
internal sealed class QianfanEnvironment
{
    public Func<string, string?> Read { get; init; } = Environment.GetEnvironmentVariable;
}
