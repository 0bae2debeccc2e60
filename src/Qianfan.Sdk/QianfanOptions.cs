namespace Qianfan.Sdk;

/// <summary>Where the platform is, who calls, and how patient to be. Immutable. Its text form shows no secret.</summary>
public sealed record QianfanOptions
{
    /// <summary>Access key of the IAM pair (<c>QIANFAN_ACCESS_KEY</c>).</summary>
    public string? AccessKey { get; set; }

    /// <summary>Secret key of the IAM pair (<c>QIANFAN_SECRET_KEY</c>). Never sent to the cloud.</summary>
    public string? SecretKey { get; set; }

    /// <summary>A ready bearer token for inference (<c>QIANFAN_BEARER_TOKEN</c>), used when there is no key pair.</summary>
    public string? BearerToken { get; set; }

    /// <summary>Application id, sent as header <c>appid</c> with V2 inference (<c>QIANFAN_APP_ID</c>).</summary>
    public string? AppId { get; set; }

    /// <summary>Console API and V2 inference (<c>QIANFAN_CONSOLE_API_BASE_URL</c>).</summary>
    public string ConsoleBaseUrl { get; set; } = "https://qianfan.baidubce.com";

    /// <summary>V1 inference (<c>QIANFAN_BASE_URL</c>).</summary>
    public string BaseUrl { get; set; } = "https://aip.baidubce.com";

    /// <summary>Bearer token service (<c>QIANFAN_IAM_BASE_URL</c>).</summary>
    public string IamBaseUrl { get; set; } = "https://iam.bj.baidubce.com";

    /// <summary>True when the platform is a self-hosted Qianfan Portal: files are uploaded to it, tasks are followed by their event stream, stopped tasks can be resumed, services stopped and deleted.</summary>
    public bool PlatformExtensions { get; set; }

    /// <summary>Lifetime of a signature in seconds.</summary>
    public int SignatureExpirationSeconds { get; set; } = 300;

    /// <summary>Lifetime to ask for when a bearer token is fetched.</summary>
    public TimeSpan BearerTokenLifetime { get; set; } = TimeSpan.FromHours(12);

    /// <summary>Longest wait for a console call, each attempt.</summary>
    public TimeSpan ConsoleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest wait for an inference call, each attempt.</summary>
    public TimeSpan InferenceTimeout { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>Longest time for the upload of one file.</summary>
    public TimeSpan UploadTimeout { get; set; } = TimeSpan.FromHours(2);

    /// <summary>A stream that is silent for so long (keep-alive comments count as sound) is taken as broken.</summary>
    public TimeSpan StreamIdleTimeout { get; set; } = TimeSpan.FromSeconds(90);

    /// <summary>How long a pipeline that follows work on the platform goes on without reaching it before it fails (it can be resumed then).</summary>
    public TimeSpan OutagePatience { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Retry of console calls.</summary>
    public RetryOptions ConsoleRetry { get; set; } = new() { Codes = ["336100", "18", "500000"] };

    /// <summary>Retry of inference calls; of streams, only the opening.</summary>
    public RetryOptions InferenceRetry { get; set; } = new() { Codes = ["2", "336100", "18", "336501", "336502", "15", "rpm_rate_limit_exceeded", "tpm_rate_limit_exceeded"] };

    /// <summary>Time between two looks at an import or release.</summary>
    public TimeSpan? DatasetPollingInterval { get; set; }

    /// <summary>Time between two looks at a training; not used where the platform streams events.</summary>
    public TimeSpan? TrainPollingInterval { get; set; }

    /// <summary>Time between two looks at a model being published.</summary>
    public TimeSpan? ModelPublishPollingInterval { get; set; }

    /// <summary>Time between two looks at a service being deployed.</summary>
    public TimeSpan? DeployPollingInterval { get; set; }

    /// <summary>Object storage through which rows reach the cloud; not used with <see cref="PlatformExtensions"/>.</summary>
    public BosOptions Bos { get; set; } = new();

    internal TimeSpan DatasetPoll => DatasetPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 2);

    internal TimeSpan TrainPoll => TrainPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 1 : 30);

    internal TimeSpan PublishPoll => ModelPublishPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 30);

    internal TimeSpan DeployPoll => DeployPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 30);

    /// <summary>Settings from the environment, by the official names (<c>QIANFAN_ACCESS_KEY</c>, <c>QIANFAN_SECRET_KEY</c>, <c>QIANFAN_BEARER_TOKEN</c>, <c>QIANFAN_APP_ID</c>, <c>QIANFAN_CONSOLE_API_BASE_URL</c>, <c>QIANFAN_BASE_URL</c>, <c>QIANFAN_IAM_BASE_URL</c>); what isn't set keeps its default.</summary>
    /// <param name="read">Reads a variable; the process's environment when null.</param>
    public static QianfanOptions FromEnvironment(Func<string, string?>? read = null)
    {
        read ??= Environment.GetEnvironmentVariable;
        var defaults = new QianfanOptions();
        return defaults with
        {
            AccessKey = Get("QIANFAN_ACCESS_KEY"),
            SecretKey = Get("QIANFAN_SECRET_KEY"),
            BearerToken = Get("QIANFAN_BEARER_TOKEN"),
            AppId = Get("QIANFAN_APP_ID"),
            ConsoleBaseUrl = Get("QIANFAN_CONSOLE_API_BASE_URL") ?? defaults.ConsoleBaseUrl,
            BaseUrl = Get("QIANFAN_BASE_URL") ?? defaults.BaseUrl,
            IamBaseUrl = Get("QIANFAN_IAM_BASE_URL") ?? defaults.IamBaseUrl,
        };

        string? Get(string name) => read(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>Addresses only.</summary>
    public override string ToString() => $"QianfanOptions {{ ConsoleBaseUrl = {ConsoleBaseUrl}, PlatformExtensions = {PlatformExtensions} }}";
}

/// <summary>How a call is repeated: the wait before attempt k+1 is <c>BackoffFactor * 2^(k-1)</c> plus a random part up to <c>Jitter</c>, at most <c>MaxWait</c>, at least what <c>Retry-After</c> asks for (up to <c>MaxWait</c>).</summary>
public sealed record RetryOptions
{
    /// <summary>Attempts in all; 1 is no retry.</summary>
    public int MaxAttempts { get; set; } = 3;

    /// <summary>First wait.</summary>
    public TimeSpan BackoffFactor { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Largest random part.</summary>
    public TimeSpan Jitter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>Error codes that are worth another attempt. Besides these: HTTP 429, and for calls that change nothing or can be repeated safely HTTP 502, 503, 504 and broken connections.</summary>
    public IReadOnlyList<string> Codes { get; set; } = [];
}

/// <summary>Baidu's object storage.</summary>
public sealed record BosOptions
{
    /// <summary>Region, part of the host name.</summary>
    public string Region { get; set; } = "bj";

    /// <summary>Bucket that rows are put into. Needed to upload a local dataset to the cloud.</summary>
    public string? Bucket { get; set; }

    /// <summary>Folder in the bucket, without a slash at the start; ends with one unless empty.</summary>
    public string Prefix { get; set; } = "qianfan/";

    /// <summary>Address in place of <c>https://{Region}.bcebos.com</c>.</summary>
    public string? Endpoint { get; set; }
}
