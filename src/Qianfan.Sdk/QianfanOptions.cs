namespace Qianfan.Sdk;

/// <summary>
/// Where the platform is, who calls, and how patient to be. A client takes a copy when it is made: what is changed afterwards changes nothing. The text form shows no secret.
/// Each member names the official setting (environment variable or line of a <c>.env</c> file) that <see cref="FromEnvironment"/> reads it from.
/// </summary>
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

    /// <summary>Key of the application, for OAuth (<c>QIANFAN_AK</c>). V1 inference only.</summary>
    public string? ApplicationKey { get; set; }

    /// <summary>Secret of the application, for OAuth (<c>QIANFAN_SK</c>). V1 inference only.</summary>
    public string? ApplicationSecret { get; set; }

    /// <summary>A ready OAuth token (<c>QIANFAN_ACCESS_TOKEN</c>), used when there is no application pair. V1 inference only; it can't be renewed.</summary>
    public string? AccessToken { get; set; }

    /// <summary>Access code of a private deployment (<c>QIANFAN_ACCESS_CODE</c>). V1 inference with <see cref="EnablePrivate"/> only.</summary>
    public string? AccessCode { get; set; }

    /// <summary>True: V1 inference speaks to a private deployment, with <see cref="AccessCode"/>, else signed with the application pair; no OAuth (<c>QIANFAN_ENABLE_PRIVATE</c>).</summary>
    public bool EnablePrivate { get; set; }

    /// <summary>True: nothing says who calls (<c>QIANFAN_NO_AUTH</c>), because a gateway adds it.</summary>
    public bool NoAuth { get; set; }

    /// <summary>Console API and V2 inference (<c>QIANFAN_CONSOLE_API_BASE_URL</c>).</summary>
    public string ConsoleBaseUrl { get; set; } = "https://qianfan.baidubce.com";

    /// <summary>V1 inference and OAuth (<c>QIANFAN_BASE_URL</c>).</summary>
    public string BaseUrl { get; set; } = "https://aip.baidubce.com";

    /// <summary>Bearer token service (<c>QIANFAN_IAM_BASE_URL</c>).</summary>
    public string IamBaseUrl { get; set; } = "https://iam.bj.baidubce.com";

    /// <summary>What stands before the kind and the endpoint in addresses of V1 inference (<c>QIANFAN_MODEL_API_PREFIX</c>).</summary>
    public string ModelApiPrefix { get; set; } = "/rpc/2.0/ai_custom/v1/wenxinworkshop";

    /// <summary>Path of V2 chat (<c>QIANFAN_CHAT_V2_API_ROUTE</c>).</summary>
    public string ChatV2Route { get; set; } = "/v2/chat/completions";

    /// <summary>Path of V2 embeddings (<c>QIANFAN_EMBEDDING_V2_API_ROUTE</c>).</summary>
    public string EmbeddingV2Route { get; set; } = "/v2/embeddings";

    /// <summary>The generation that the trainer speaks (<c>QIANFAN_INFER_VERSION</c> of the Java client: <c>V1</c> or <c>V2</c>); V1 is for self-hosted platforms of the seed's time.</summary>
    public ApiVersion ApiVersion { get; set; } = ApiVersion.V2;

    /// <summary>True when the platform is a self-hosted Qianfan Portal: files are uploaded to it, tasks are followed by their event stream, stopped tasks can be resumed, services stopped and deleted.</summary>
    public bool PlatformExtensions { get; set; }

    /// <summary>Lifetime of a signature in seconds, 1 to 86400 (<c>QIANFAN_IAM_SIGN_EXPIRATION_SEC</c>).</summary>
    public int SignatureExpirationSeconds { get; set; } = 300;

    /// <summary>Lifetime to ask for when a bearer token is fetched (<c>QIANFAN_BEARER_TOKEN_EXPIRED_INTERVAL</c>, seconds).</summary>
    public TimeSpan BearerTokenLifetime { get; set; } = TimeSpan.FromHours(12);

    /// <summary>Longest wait for an OAuth token, each attempt (<c>QIANFAN_AUTH_TIMEOUT</c>, seconds).</summary>
    public TimeSpan AuthTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for a console call, each attempt (<c>QIANFAN_CONSOLE_API_RETRY_TIMEOUT</c>, seconds).</summary>
    public TimeSpan ConsoleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest wait for an inference call, each attempt (<c>QIANFAN_LLM_API_RETRY_TIMEOUT</c>, seconds).</summary>
    public TimeSpan InferenceTimeout { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>Longest time for the upload of one file.</summary>
    public TimeSpan UploadTimeout { get; set; } = TimeSpan.FromHours(2);

    /// <summary>A stream that is silent for so long (keep-alive comments count as sound) is taken as broken.</summary>
    public TimeSpan StreamIdleTimeout { get; set; } = TimeSpan.FromSeconds(90);

    /// <summary>How long a pipeline that follows work on the platform goes on without reaching it before it fails (it can be resumed then).</summary>
    public TimeSpan OutagePatience { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Longest answer in bytes that is taken into memory; streams are not counted.</summary>
    public int MaxAnswerBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Retry of console calls (<c>QIANFAN_CONSOLE_API_RETRY_COUNT</c>, <c>_BACKOFF_FACTOR</c>, <c>_JITTER</c>, <c>_MAX_WAIT_INTERVAL</c>, <c>_ERR_CODES</c>). Three attempts, as the official trainer asks for; the official client makes one by default.</summary>
    public RetryOptions ConsoleRetry { get; set; } = new() { Codes = [QianfanErrorCodes.ServerHighLoad, QianfanErrorCodes.QueriesPerSecond, QianfanErrorCodes.ConsoleInternalError] };

    /// <summary>Retry of inference calls; of streams, only the opening (<c>QIANFAN_LLM_API_RETRY_COUNT</c>, <c>_BACKOFF_FACTOR</c>, <c>_JITTER</c>, <c>_MAX_WAIT_INTERVAL</c>, <c>_ERR_CODES</c>).</summary>
    public RetryOptions InferenceRetry { get; set; } = new()
    {
        Codes =
        [
            QianfanErrorCodes.ServiceUnavailable,
            QianfanErrorCodes.ServerHighLoad,
            QianfanErrorCodes.QueriesPerSecond,
            QianfanErrorCodes.RequestsPerMinute,
            QianfanErrorCodes.TokensPerMinute,
            QianfanErrorCodes.AppNotExist,
            QianfanErrorCodes.RequestsPerMinuteV2,
            QianfanErrorCodes.TokensPerMinuteV2,
        ],
    };

    /// <summary>Most inference calls a second that this client makes, 0 for any number (<c>QIANFAN_QPS_LIMIT</c>). Not together with <see cref="RpmLimit"/>.</summary>
    public double QpsLimit { get; set; }

    /// <summary>Most inference calls a minute that this client makes, 0 for any number (<c>QIANFAN_RPM_LIMIT</c>). The platform's own limit is taken over where it is lower.</summary>
    public int RpmLimit { get; set; }

    /// <summary>Most tokens a minute that this client asks for, 0 for any number (<c>QIANFAN_TPM_LIMIT</c>). Estimated before a call, corrected after it. The platform's own limit is taken over where it is lower.</summary>
    public int TpmLimit { get; set; }

    /// <summary>How long the list of services by which V1 inference finds a model's endpoint is believed (<c>QIANFAN_INFER_RESOURCE_REFRESH_INTERVAL</c>, seconds).</summary>
    public TimeSpan ServiceListLifetime { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>False: the platform's certificate isn't checked (<c>QIANFAN_SSL_VERIFICATION_ENABLED</c>). For tests; see <see cref="QianfanHttp.CreateHandler"/>.</summary>
    public bool SslVerificationEnabled { get; set; } = true;

    /// <summary>Address of a proxy, such as <c>http://proxy:3128</c>; the system's when null or empty (<c>QIANFAN_PROXY</c>). See <see cref="QianfanHttp.CreateHandler"/>.</summary>
    public string? Proxy { get; set; }

    /// <summary>Time between two looks at an import or release (<c>QIANFAN_IMPORT_STATUS_POLLING_INTERVAL</c>, seconds).</summary>
    public TimeSpan? DatasetPollingInterval { get; set; }

    /// <summary>Time between two looks at a training; not used where the platform streams events (<c>QIANFAN_TRAIN_STATUS_POLLING_INTERVAL</c>, seconds).</summary>
    public TimeSpan? TrainPollingInterval { get; set; }

    /// <summary>Time between two looks at a model being published (<c>QIANFAN_MODEL_PUBLISH_STATUS_POLLING_INTERVAL</c>, seconds).</summary>
    public TimeSpan? ModelPublishPollingInterval { get; set; }

    /// <summary>Time between two looks at a service being deployed (<c>QIANFAN_DEPLOY_STATUS_POLLING_INTERVAL</c>, seconds).</summary>
    public TimeSpan? DeployPollingInterval { get; set; }

    /// <summary>Object storage through which rows reach the cloud; not used with <see cref="PlatformExtensions"/> (<c>QIANFAN_BOS_HOST_REGION</c>).</summary>
    public BosOptions Bos { get; set; } = new();

    internal TimeSpan DatasetPoll => DatasetPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 2);

    internal TimeSpan TrainPoll => TrainPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 1 : 30);

    internal TimeSpan PublishPoll => ModelPublishPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 30);

    internal TimeSpan DeployPoll => DeployPollingInterval ?? TimeSpan.FromSeconds(PlatformExtensions ? 0.5 : 30);

    /// <summary>Settings from the environment by their official names, and for what isn't there from the dotenv file: <c>.env</c> in the working directory, or the one that <c>QIANFAN_DOT_ENV_CONFIG_FILE</c> names. What is in neither keeps its default; what the program sets afterwards goes before all.</summary>
    /// <param name="read">Reads a variable; the process's environment when null.</param>
    /// <exception cref="InvalidArgumentException">A value can't be read; the message names the setting.</exception>
    public static QianfanOptions FromEnvironment(Func<string, string?>? read = null) => EnvironmentSettings.Read(read ?? Environment.GetEnvironmentVariable);

    /// <summary>Checks that the values make sense by themselves and together. A client does this when it is made.</summary>
    /// <exception cref="InvalidArgumentException">They don't; the message names each setting that is wrong.</exception>
    public void Validate()
    {
        var problems = new List<string>();
        foreach (var (name, value) in new (string, string)[] { (nameof(ConsoleBaseUrl), ConsoleBaseUrl), (nameof(BaseUrl), BaseUrl), (nameof(IamBaseUrl), IamBaseUrl) })
        {
            Check(Uri.TryCreate(value, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps), $"{name} is no absolute http or https address: \"{value}\"");
        }

        foreach (var (name, value) in new (string, string)[] { (nameof(ModelApiPrefix), ModelApiPrefix), (nameof(ChatV2Route), ChatV2Route), (nameof(EmbeddingV2Route), EmbeddingV2Route) })
        {
            Check(value is ['/', ..], $"{name} does not begin with a slash: \"{value}\"");
        }

        foreach (var (name, value) in new (string, TimeSpan)[]
        {
            (nameof(AuthTimeout), AuthTimeout), (nameof(ConsoleTimeout), ConsoleTimeout), (nameof(InferenceTimeout), InferenceTimeout),
            (nameof(UploadTimeout), UploadTimeout), (nameof(StreamIdleTimeout), StreamIdleTimeout), (nameof(BearerTokenLifetime), BearerTokenLifetime),
        })
        {
            Check(value > TimeSpan.Zero, $"{name} is not above zero");
        }

        foreach (var (name, value) in new (string, TimeSpan?)[]
        {
            (nameof(OutagePatience), OutagePatience), (nameof(ServiceListLifetime), ServiceListLifetime), (nameof(DatasetPollingInterval), DatasetPollingInterval),
            (nameof(TrainPollingInterval), TrainPollingInterval), (nameof(ModelPublishPollingInterval), ModelPublishPollingInterval), (nameof(DeployPollingInterval), DeployPollingInterval),
        })
        {
            Check(value is null || value >= TimeSpan.Zero, $"{name} is below zero");
        }

        foreach (var (name, value) in new (string, RetryOptions)[] { (nameof(ConsoleRetry), ConsoleRetry), (nameof(InferenceRetry), InferenceRetry) })
        {
            Check(value.MaxAttempts >= 1, $"{name}.MaxAttempts is below 1");
            Check(value.BackoffFactor >= TimeSpan.Zero && value.Jitter >= TimeSpan.Zero && value.MaxWait >= TimeSpan.Zero, $"{name} has a wait below zero");
        }

        Check(SignatureExpirationSeconds is >= 1 and <= 86_400, $"{nameof(SignatureExpirationSeconds)} is not in 1 to 86400");
        Check(MaxAnswerBytes > 0, $"{nameof(MaxAnswerBytes)} is not above zero");
        Check(QpsLimit >= 0 && RpmLimit >= 0 && TpmLimit >= 0, $"{nameof(QpsLimit)}, {nameof(RpmLimit)} or {nameof(TpmLimit)} is below zero");
        Check(QpsLimit == 0 || RpmLimit == 0, $"{nameof(QpsLimit)} and {nameof(RpmLimit)} are both set; set one of them");
        Check(string.IsNullOrEmpty(Proxy) || Uri.TryCreate(Proxy, UriKind.Absolute, out _), $"{nameof(Proxy)} is no absolute address");
        if (problems.Count > 0)
        {
            throw new InvalidArgumentException($"The options can't be used: {string.Join("; ", problems)}.");
        }

        void Check(bool isGood, string problem)
        {
            if (!isGood)
            {
                problems.Add(problem);
            }
        }
    }

    internal QianfanOptions Copy() => this with { ConsoleRetry = ConsoleRetry with { }, InferenceRetry = InferenceRetry with { }, Bos = Bos with { } };

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

    /// <summary>Error codes that are worth another attempt. Besides these: HTTP 429, and for calls that change nothing or can be repeated safely HTTP 502, 503, 504 and broken connections. What a configuration binder finds is added to the defaults.</summary>
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
