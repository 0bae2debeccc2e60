using Microsoft.Extensions.Options;

namespace Qianfan.Sdk.DependencyInjection;

/// <summary>Checks the settings as a client does, and that there are credentials, before the first call needs them.</summary>
internal sealed class QianfanOptionsValidator : IValidateOptions<QianfanOptions>
{
    public ValidateOptionsResult Validate(string? name, QianfanOptions options)
    {
        var who = string.IsNullOrEmpty(name) ? "Qianfan" : $"Qianfan \"{name}\"";
        List<string> failures = [.. Credentials(options).Select(failure => $"{who}: {failure}")];
        try
        {
            options.Validate();
        }
        catch (InvalidArgumentException e)
        {
            failures.Add($"{who}: {e.Message}");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> Credentials(QianfanOptions o)
    {
        if (o.NoAuth)
        {
            return [];
        }

        if (string.IsNullOrEmpty(o.AccessKey) != string.IsNullOrEmpty(o.SecretKey))
        {
            return ["AccessKey and SecretKey (QIANFAN_ACCESS_KEY, QIANFAN_SECRET_KEY) go together; one of them is missing."];
        }

        if (string.IsNullOrEmpty(o.ApplicationKey) != string.IsNullOrEmpty(o.ApplicationSecret))
        {
            return ["ApplicationKey and ApplicationSecret (QIANFAN_AK, QIANFAN_SK) go together; one of them is missing."];
        }

        string?[] any = [o.AccessKey, o.BearerToken, o.ApplicationKey, o.AccessToken, o.AccessCode];
        return any.All(string.IsNullOrEmpty)
            ? ["There are no credentials: set AccessKey and SecretKey (QIANFAN_ACCESS_KEY, QIANFAN_SECRET_KEY), or BearerToken (QIANFAN_BEARER_TOKEN)."]
            : [];
    }
}
