using Microsoft.Extensions.Options;

namespace Qianfan.Sdk.DependencyInjection;

/// <summary>Finds all that is wrong with the settings at once, each by the setting's name.</summary>
internal sealed class QianfanOptionsValidator : IValidateOptions<QianfanOptions>
{
    public ValidateOptionsResult Validate(string? name, QianfanOptions options)
    {
        var errors = Errors(options).Select(error => string.IsNullOrEmpty(name) ? $"Qianfan: {error}" : $"Qianfan \"{name}\": {error}").ToList();
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    private static IEnumerable<string> Errors(QianfanOptions o) =>
    [
        .. Credentials(o),
        .. Address(nameof(o.ConsoleBaseUrl), o.ConsoleBaseUrl),
        .. Address(nameof(o.BaseUrl), o.BaseUrl),
        .. Address(nameof(o.IamBaseUrl), o.IamBaseUrl),
        .. o.Bos.Endpoint is null ? [] : Address("Bos:Endpoint", o.Bos.Endpoint),
        .. When(string.IsNullOrEmpty(o.Bos.Region), "Bos:Region must not be empty."),
        .. When(o.SignatureExpirationSeconds <= 0, "SignatureExpirationSeconds must be above 0."),
        .. Positive(nameof(o.BearerTokenLifetime), o.BearerTokenLifetime),
        .. Positive(nameof(o.ConsoleTimeout), o.ConsoleTimeout),
        .. Positive(nameof(o.InferenceTimeout), o.InferenceTimeout),
        .. Positive(nameof(o.UploadTimeout), o.UploadTimeout),
        .. Positive(nameof(o.StreamIdleTimeout), o.StreamIdleTimeout),
        .. NotNegative(nameof(o.OutagePatience), o.OutagePatience),
        .. NotNegative(nameof(o.DatasetPollingInterval), o.DatasetPollingInterval),
        .. NotNegative(nameof(o.TrainPollingInterval), o.TrainPollingInterval),
        .. NotNegative(nameof(o.ModelPublishPollingInterval), o.ModelPublishPollingInterval),
        .. NotNegative(nameof(o.DeployPollingInterval), o.DeployPollingInterval),
        .. Retry(nameof(o.ConsoleRetry), o.ConsoleRetry),
        .. Retry(nameof(o.InferenceRetry), o.InferenceRetry),
    ];

    private static IEnumerable<string> Credentials(QianfanOptions o)
    {
        var (access, secret) = (o.AccessKey is { Length: > 0 }, o.SecretKey is { Length: > 0 });
        return
        [
            .. When(access && !secret, "SecretKey (QIANFAN_SECRET_KEY) is missing beside AccessKey."),
            .. When(secret && !access, "AccessKey (QIANFAN_ACCESS_KEY) is missing beside SecretKey."),
            .. When(!access && !secret && string.IsNullOrEmpty(o.BearerToken), "There are no credentials: set AccessKey and SecretKey (QIANFAN_ACCESS_KEY, QIANFAN_SECRET_KEY), or BearerToken (QIANFAN_BEARER_TOKEN)."),
        ];
    }

    private static IEnumerable<string> Address(string setting, string? value) => When(
        !Uri.TryCreate(value, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0 || uri.Query.Length > 0,
        $"{setting} must be an http or https address without user and query.");

    private static IEnumerable<string> Retry(string setting, RetryOptions retry) =>
    [
        .. When(retry.MaxAttempts < 1, $"{setting}:MaxAttempts must be 1 or more."),
        .. NotNegative($"{setting}:BackoffFactor", retry.BackoffFactor),
        .. NotNegative($"{setting}:Jitter", retry.Jitter),
        .. NotNegative($"{setting}:MaxWait", retry.MaxWait),
    ];

    private static IEnumerable<string> Positive(string setting, TimeSpan value) => When(value <= TimeSpan.Zero, $"{setting} must be longer than 0.");

    private static IEnumerable<string> NotNegative(string setting, TimeSpan? value) => When(value < TimeSpan.Zero, $"{setting} must not be negative.");

    private static IEnumerable<string> When(bool wrong, string error) => wrong ? [error] : [];
}
