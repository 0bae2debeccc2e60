using System.Globalization;

namespace Qianfan.Sdk;

/// <summary>Reads the official settings: environment first, dotenv file second.</summary>
internal sealed class EnvironmentSettings
{
    private readonly Func<string, string?> _read;
    private readonly IReadOnlyDictionary<string, string> _file;

    private EnvironmentSettings(Func<string, string?> read)
    {
        _read = read;
        var path = read("QIANFAN_DOT_ENV_CONFIG_FILE") is { Length: > 0 } named ? named : ".env";
        _file = File.Exists(path) ? DotEnv.Parse(File.ReadLines(path)) : new Dictionary<string, string>();
    }

    public static QianfanOptions Read(Func<string, string?> read)
    {
        var settings = new EnvironmentSettings(read);
        var defaults = new QianfanOptions();
        return new QianfanOptions
        {
            AccessKey = settings.Text("ACCESS_KEY"),
            SecretKey = settings.Text("SECRET_KEY"),
            BearerToken = settings.Text("BEARER_TOKEN"),
            AppId = settings.Text("APP_ID"),
            ApplicationKey = settings.Text("AK"),
            ApplicationSecret = settings.Text("SK"),
            AccessToken = settings.Text("ACCESS_TOKEN"),
            AccessCode = settings.Text("ACCESS_CODE"),
            EnablePrivate = settings.Flag("ENABLE_PRIVATE") ?? false,
            NoAuth = settings.Flag("NO_AUTH") ?? false,
            ConsoleBaseUrl = settings.Text("CONSOLE_API_BASE_URL") ?? defaults.ConsoleBaseUrl,
            BaseUrl = settings.Text("BASE_URL") ?? defaults.BaseUrl,
            IamBaseUrl = settings.Text("IAM_BASE_URL") ?? defaults.IamBaseUrl,
            ModelApiPrefix = settings.Text("MODEL_API_PREFIX") ?? defaults.ModelApiPrefix,
            ChatV2Route = settings.Text("CHAT_V2_API_ROUTE") ?? defaults.ChatV2Route,
            EmbeddingV2Route = settings.Text("EMBEDDING_V2_API_ROUTE") ?? defaults.EmbeddingV2Route,
            ApiVersion = settings.Version("INFER_VERSION") ?? defaults.ApiVersion,
            SignatureExpirationSeconds = settings.Whole("IAM_SIGN_EXPIRATION_SEC") ?? defaults.SignatureExpirationSeconds,
            BearerTokenLifetime = settings.Seconds("BEARER_TOKEN_EXPIRED_INTERVAL") ?? defaults.BearerTokenLifetime,
            AuthTimeout = settings.Seconds("AUTH_TIMEOUT") ?? defaults.AuthTimeout,
            ConsoleTimeout = settings.Seconds("CONSOLE_API_RETRY_TIMEOUT") ?? defaults.ConsoleTimeout,
            InferenceTimeout = settings.Seconds("LLM_API_RETRY_TIMEOUT") ?? defaults.InferenceTimeout,
            ConsoleRetry = settings.Retry("CONSOLE_API_RETRY", defaults.ConsoleRetry),
            InferenceRetry = settings.Retry("LLM_API_RETRY", defaults.InferenceRetry),
            QpsLimit = settings.Number("QPS_LIMIT") ?? 0,
            RpmLimit = settings.Whole("RPM_LIMIT") ?? 0,
            TpmLimit = settings.Whole("TPM_LIMIT") ?? 0,
            ServiceListLifetime = settings.Seconds("INFER_RESOURCE_REFRESH_INTERVAL") ?? defaults.ServiceListLifetime,
            SslVerificationEnabled = settings.Flag("SSL_VERIFICATION_ENABLED") ?? true,
            Proxy = settings.Text("PROXY"),
            DatasetPollingInterval = settings.Seconds("IMPORT_STATUS_POLLING_INTERVAL"),
            TrainPollingInterval = settings.Seconds("TRAIN_STATUS_POLLING_INTERVAL"),
            ModelPublishPollingInterval = settings.Seconds("MODEL_PUBLISH_STATUS_POLLING_INTERVAL"),
            DeployPollingInterval = settings.Seconds("DEPLOY_STATUS_POLLING_INTERVAL"),
            Bos = defaults.Bos with { Region = settings.Text("BOS_HOST_REGION") ?? defaults.Bos.Region },
        };
    }

    private RetryOptions Retry(string name, RetryOptions defaults) => new()
    {
        MaxAttempts = Whole(name + "_COUNT") ?? defaults.MaxAttempts,
        BackoffFactor = Seconds(name + "_BACKOFF_FACTOR") ?? defaults.BackoffFactor,
        Jitter = Seconds(name + "_JITTER") ?? defaults.Jitter,
        MaxWait = Seconds(name + "_MAX_WAIT_INTERVAL") ?? defaults.MaxWait,
        // Written like a set in Python: {2, 336100, 18}.
        Codes = Text(name + "_ERR_CODES")?.Trim('{', '}', '[', ']').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? defaults.Codes,
    };

    private string? Text(string name)
    {
        var key = "QIANFAN_" + name;
        return _read(key) is { Length: > 0 } value ? value : _file.GetValueOrDefault(key) is { Length: > 0 } written ? written : null;
    }

    private double? Number(string name) => Parse<double>(name, "a number", static text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null);

    private int? Whole(string name) => Parse<int>(name, "a whole number", static text => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null);

    private TimeSpan? Seconds(string name) => Parse<TimeSpan>(
        name,
        "a number of seconds",
        static text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) <= 1e9 ? TimeSpan.FromSeconds(seconds) : null);

    private bool? Flag(string name) => Parse<bool>(name, "true or false", static text => text.ToUpperInvariant() switch
    {
        "TRUE" or "1" or "YES" or "ON" => true,
        "FALSE" or "0" or "NO" or "OFF" => false,
        _ => null,
    });

    private ApiVersion? Version(string name) => Parse<ApiVersion>(name, "V1 or V2", static text => text.ToUpperInvariant() switch
    {
        "V1" or "1" => ApiVersion.V1,
        "V2" or "2" => ApiVersion.V2,
        _ => null,
    });

    private T? Parse<T>(string name, string kind, Func<string, T?> parse)
        where T : struct
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        return parse(text) ?? throw new InvalidArgumentException($"QIANFAN_{name} must be {kind}, not \"{text}\".");
    }
}
