using Microsoft.Extensions.Options;
using Qianfan.Platform.Access;

namespace Qianfan.Platform;

/// <summary>Settings of the platform. Validated when the host starts; a message names the setting that is wrong.</summary>
public sealed class PlatformOptions
{
    /// <summary>Folder of the platform's databases, files, tasks and models. Created when missing. Required.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>Folder that holds the engine's executable and its <c>models/</c>. Default: <c>engine</c> beside the program.</summary>
    public string? EngineDirectory { get; set; }

    /// <summary>Address under which clients reach this platform, such as <c>http://localhost:5080</c>. Service addresses are made from it. Required.</summary>
    public string PublicUrl { get; set; } = "";

    /// <summary>Whether this process answers the HTTP API and runs the serving worker and the exports behind it. Default true.</summary>
    public bool Api { get; set; } = true;

    /// <summary>Whether this process runs training workers. Default true.</summary>
    public bool Trainer { get; set; } = true;

    /// <summary>Most bytes of an uploaded file, 1 or more. Default 1 GiB.</summary>
    public long MaxFileBytes { get; set; } = 1L << 30;

    /// <summary>Most bytes of a JSON request body, 1 KiB to 256 MiB. Default 8 MiB.</summary>
    public long MaxRequestBytes { get; set; } = 8L << 20;

    /// <summary>Rows with errors that an import keeps for <c>importErrorDetail</c>, 1 to 100,000; all are counted. Default 1,000.</summary>
    public int MaxImportErrors { get; set; } = 1000;

    /// <summary>Folder that <c>bos:/bucket/path</c> addresses are looked up in; every key can read all of it. Null (default) turns them off.</summary>
    public string? BosDirectory { get; set; }

    /// <summary>Object storage that <c>bos:/bucket/path</c> addresses are looked up in, instead of a folder. Null (default) is none.</summary>
    public BosS3Options? BosS3 { get; set; }

    /// <summary>How often a task or an export whose worker died is started again, 0 to 20. Default 3.</summary>
    public int TrainingRetries { get; set; } = 3;

    /// <summary>Time given to a worker to end by itself before it is killed, 1 to 60 seconds. Default 4 seconds.</summary>
    public TimeSpan WorkerStopTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>Time in which a model has to be loaded, 1 second to 1 hour. Default 5 minutes.</summary>
    public TimeSpan ModelLoadTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time without a call after which a service's model leaves the worker's memory, 1 second to 30 days; the next call waits until it is loaded again. Zero keeps models loaded. Default 30 minutes.</summary>
    public TimeSpan ServiceIdleTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Requests that may wait for one of a service's slots, 0 to 100,000; later ones are refused. Default 256.</summary>
    public int ServiceQueueLength { get; set; } = 256;

    /// <summary>Time between keep-alive comments on an idle event stream, 1 second to 5 minutes. Default 15 seconds.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long single usage records are kept, 1 day to 10 years; the sums of each hour stay. Default 90 days.</summary>
    public TimeSpan UsageRecordLife { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Whether <c>/openapi</c> shows the routes, to anybody, as a page and as an OpenAPI document. Default true.</summary>
    public bool ApiReference { get; set; } = true;

    /// <summary>Other names of base models: the name that clients use, and the base model that it stands for, such as <c>ERNIE-Speed-8K</c> for <c>qianfan-tiny</c>. Case doesn't matter. Default: none.</summary>
    public IDictionary<string, string> ModelAliases { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Keys for <see cref="ConfiguredPlatformAccess"/>, used when the host registers no <see cref="IPlatformAccess"/> of its own.</summary>
    public IList<ConfiguredKey> Keys { get; } = [];
}

/// <summary>A bucket of object storage that speaks S3.</summary>
public sealed class BosS3Options
{
    /// <summary>Its address, such as <c>http://localhost:9000</c>. Buckets are named in the path. Required.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>The region that requests are signed for. Default <c>us-east-1</c>.</summary>
    public string Region { get; set; } = "us-east-1";

    /// <summary>The one bucket that is read; every key of the platform can read all of it. Required.</summary>
    public string Bucket { get; set; } = "";

    /// <summary>The public half of the storage's key. Required.</summary>
    public string AccessKey { get; set; } = "";

    /// <summary>The secret half. Required.</summary>
    public string SecretKey { get; set; } = "";
}

/// <summary>A key pair from the configuration.</summary>
public sealed class ConfiguredKey
{
    /// <summary>The public half, such as <c>ALTAK...</c>: letters, digits, <c>-</c>, <c>_</c>. Required.</summary>
    public string AccessKey { get; set; } = "";

    /// <summary>The secret half, at least 16 characters. Required.</summary>
    public string SecretKey { get; set; } = "";

    /// <summary>Who owns what this key creates. Default <c>default</c>.</summary>
    public string OwnerId { get; set; } = "default";

    /// <summary>Tokens a month (UTC) that the owner's keys may use together, 0 or more. A key that names none has what another of the owner's keys names. Null (default) is no limit.</summary>
    public long? TokensPerMonth { get; set; }

    /// <summary>Fine-tuning tasks of the owner's that run at the same time, 0 or more; others wait. Named as <see cref="TokensPerMonth"/> is.</summary>
    public int? ConcurrentRuns { get; set; }

    /// <summary>Bytes that the owner may store, 0 or more. Named as <see cref="TokensPerMonth"/> is.</summary>
    public long? StorageBytes { get; set; }

    /// <summary>What the key may do, such as <c>Inference</c> or <c>Inference, Read</c>. Null (default) is everything.</summary>
    public KeyScopes? Scopes { get; set; }

    /// <summary>Another way to say <see cref="Scopes"/> <c>Inference, Read</c>. Default false.</summary>
    public bool ReadOnly { get; set; }

    /// <summary>Inference requests a minute, 1 or more. Null (default) is no limit.</summary>
    public int? RequestsPerMinute { get; set; }

    /// <summary>Tokens a minute, 1 or more; a request counts with the most tokens that it asks for until it ends. Null (default) is no limit.</summary>
    public int? TokensPerMinute { get; set; }

    internal KeyScopes EffectiveScopes => Scopes ?? (ReadOnly ? KeyScopes.Inference | KeyScopes.Read : Needs.AnyKey.AnyOf);
}

internal sealed class PlatformOptionsValidator : IValidateOptions<PlatformOptions>
{
    public ValidateOptionsResult Validate(string? name, PlatformOptions options)
    {
        var errors = new List<string>();
        void Require(bool holds, string message)
        {
            if (!holds) errors.Add(message);
        }

        Require(!string.IsNullOrWhiteSpace(options.DataDirectory), "DataDirectory is missing: name the folder that the platform keeps its data in.");
        Require(IsWebAddress(options.PublicUrl), $"PublicUrl \"{options.PublicUrl}\" is not an absolute http or https address.");
        Require(options.MaxFileBytes >= 1, "MaxFileBytes must be 1 or more.");
        Require(options.MaxRequestBytes is >= 1024 and <= 256L << 20, "MaxRequestBytes must be between 1024 and 268435456.");
        Require(options.MaxImportErrors is >= 1 and <= 100_000, "MaxImportErrors must be between 1 and 100000.");
        Require(options.BosDirectory is null || options.BosDirectory.Trim().Length > 0, "BosDirectory is empty: remove it or name a folder.");
        if (options.BosS3 is { } s3)
        {
            Require(options.BosDirectory is null, "BosS3 and BosDirectory are both set: bos:/ paths can have one place only.");
            Require(IsWebAddress(s3.Endpoint), $"BosS3:Endpoint \"{s3.Endpoint}\" is not an absolute http or https address.");
            foreach (var (member, value) in new[] { ("Region", s3.Region), ("Bucket", s3.Bucket), ("AccessKey", s3.AccessKey), ("SecretKey", s3.SecretKey) })
                Require(!string.IsNullOrWhiteSpace(value), $"BosS3:{member} is missing.");
        }

        Require(options.TrainingRetries is >= 0 and <= 20, "TrainingRetries must be between 0 and 20.");
        Require(Within(options.WorkerStopTimeout, 1, 60), "WorkerStopTimeout must be between 1 and 60 seconds.");
        Require(Within(options.ModelLoadTimeout, 1, 3600), "ModelLoadTimeout must be between 1 second and 1 hour.");
        Require(options.ServiceIdleTimeout == TimeSpan.Zero || Within(options.ServiceIdleTimeout, 1, 30 * 86_400), "ServiceIdleTimeout must be 0, or between 1 second and 30 days.");
        Require(options.ServiceQueueLength is >= 0 and <= 100_000, "ServiceQueueLength must be between 0 and 100000.");
        Require(Within(options.KeepAlive, 1, 300), "KeepAlive must be between 1 second and 5 minutes.");
        Require(Within(options.UsageRecordLife, 86_400, 3650 * 86_400), "UsageRecordLife must be between 1 day and 10 years.");
        foreach (var (alias, model) in options.ModelAliases)
            Require(!string.IsNullOrWhiteSpace(model) && !options.ModelAliases.ContainsKey(model), $"ModelAliases:{alias} must name a base model, not \"{model}\".");
        for (var i = 0; i < options.Keys.Count; i++)
        {
            var key = options.Keys[i];
            Require(key.AccessKey.Length > 0 && key.AccessKey.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'),
                $"Keys:{i}:AccessKey must consist of letters, digits, '-' and '_'.");
            Require(key.SecretKey.Length >= 16, $"Keys:{i}:SecretKey must have at least 16 characters.");
            Require(key.Scopes is null || !key.ReadOnly, $"Keys:{i}:Scopes and ReadOnly are both set; ReadOnly is the same as Scopes \"Inference, Read\".");
            Require(key.Scopes is null || (key.Scopes != KeyScopes.None && (key.Scopes & ~Needs.AnyKey.AnyOf) == KeyScopes.None), $"Keys:{i}:Scopes must name one or more of Inference, Read and Write.");
            Require(key.RequestsPerMinute is null or >= 1, $"Keys:{i}:RequestsPerMinute must be 1 or more.");
            Require(key.TokensPerMinute is null or >= 1, $"Keys:{i}:TokensPerMinute must be 1 or more.");
            Require(key.TokensPerMonth is null or >= 0, $"Keys:{i}:TokensPerMonth must be 0 or more.");
            Require(key.ConcurrentRuns is null or >= 0, $"Keys:{i}:ConcurrentRuns must be 0 or more.");
            Require(key.StorageBytes is null or >= 0, $"Keys:{i}:StorageBytes must be 0 or more.");
            Require(!string.IsNullOrWhiteSpace(key.OwnerId), $"Keys:{i}:OwnerId is empty.");
        }

        foreach (var owner in options.Keys.GroupBy(key => key.OwnerId, StringComparer.Ordinal))
        {
            void RequireOne(string setting, Func<ConfiguredKey, object?> value) =>
                Require(owner.Select(value).Where(limit => limit is not null).Distinct().Count() <= 1, $"Keys: {setting} stands there with different values for owner {owner.Key}, whose keys share it.");
            RequireOne("TokensPerMonth", key => key.TokensPerMonth);
            RequireOne("ConcurrentRuns", key => key.ConcurrentRuns);
            RequireOne("StorageBytes", key => key.StorageBytes);
        }

        Require(options.Keys.Select(key => key.AccessKey).Distinct(StringComparer.Ordinal).Count() == options.Keys.Count, "Keys: an AccessKey stands there twice.");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors.Select(error => "Platform setting " + error));
    }

    private static bool IsWebAddress(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Query.Length == 0;

    private static bool Within(TimeSpan value, int leastSeconds, int mostSeconds) =>
        value >= TimeSpan.FromSeconds(leastSeconds) && value <= TimeSpan.FromSeconds(mostSeconds);
}
