using System.Reflection;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class OptionsTests
{
    private static readonly Dictionary<string, (string Text, Func<QianfanOptions, object?> Read, object Value)> s_settings = new()
    {
        ["QIANFAN_ACCESS_KEY"] = ("a", o => o.AccessKey, "a"),
        ["QIANFAN_SECRET_KEY"] = ("s", o => o.SecretKey, "s"),
        ["QIANFAN_BEARER_TOKEN"] = ("b", o => o.BearerToken, "b"),
        ["QIANFAN_APP_ID"] = ("app", o => o.AppId, "app"),
        ["QIANFAN_AK"] = ("ak", o => o.ApplicationKey, "ak"),
        ["QIANFAN_SK"] = ("sk", o => o.ApplicationSecret, "sk"),
        ["QIANFAN_ACCESS_TOKEN"] = ("t", o => o.AccessToken, "t"),
        ["QIANFAN_ACCESS_CODE"] = ("c", o => o.AccessCode, "c"),
        ["QIANFAN_ENABLE_PRIVATE"] = ("True", o => o.EnablePrivate, true),
        ["QIANFAN_NO_AUTH"] = ("1", o => o.NoAuth, true),
        ["QIANFAN_CONSOLE_API_BASE_URL"] = ("http://c", o => o.ConsoleBaseUrl, "http://c"),
        ["QIANFAN_BASE_URL"] = ("http://b", o => o.BaseUrl, "http://b"),
        ["QIANFAN_IAM_BASE_URL"] = ("http://i", o => o.IamBaseUrl, "http://i"),
        ["QIANFAN_MODEL_API_PREFIX"] = ("/m", o => o.ModelApiPrefix, "/m"),
        ["QIANFAN_CHAT_V2_API_ROUTE"] = ("/chat", o => o.ChatV2Route, "/chat"),
        ["QIANFAN_EMBEDDING_V2_API_ROUTE"] = ("/emb", o => o.EmbeddingV2Route, "/emb"),
        ["QIANFAN_INFER_VERSION"] = ("v1", o => o.ApiVersion, ApiVersion.V1),
        ["QIANFAN_IAM_SIGN_EXPIRATION_SEC"] = ("1800", o => o.SignatureExpirationSeconds, 1800),
        ["QIANFAN_BEARER_TOKEN_EXPIRED_INTERVAL"] = ("3600", o => o.BearerTokenLifetime, TimeSpan.FromHours(1)),
        ["QIANFAN_AUTH_TIMEOUT"] = ("7", o => o.AuthTimeout, TimeSpan.FromSeconds(7)),
        ["QIANFAN_CONSOLE_API_RETRY_TIMEOUT"] = ("8", o => o.ConsoleTimeout, TimeSpan.FromSeconds(8)),
        ["QIANFAN_CONSOLE_API_RETRY_COUNT"] = ("9", o => o.ConsoleRetry.MaxAttempts, 9),
        ["QIANFAN_CONSOLE_API_RETRY_BACKOFF_FACTOR"] = ("0.5", o => o.ConsoleRetry.BackoffFactor, TimeSpan.FromSeconds(0.5)),
        ["QIANFAN_CONSOLE_API_RETRY_JITTER"] = ("0", o => o.ConsoleRetry.Jitter, TimeSpan.Zero),
        ["QIANFAN_CONSOLE_API_RETRY_MAX_WAIT_INTERVAL"] = ("30", o => o.ConsoleRetry.MaxWait, TimeSpan.FromSeconds(30)),
        ["QIANFAN_CONSOLE_API_RETRY_ERR_CODES"] = ("{1, 2}", o => string.Join('|', o.ConsoleRetry.Codes), "1|2"),
        ["QIANFAN_LLM_API_RETRY_TIMEOUT"] = ("18", o => o.InferenceTimeout, TimeSpan.FromSeconds(18)),
        ["QIANFAN_LLM_API_RETRY_COUNT"] = ("19", o => o.InferenceRetry.MaxAttempts, 19),
        ["QIANFAN_LLM_API_RETRY_BACKOFF_FACTOR"] = ("2", o => o.InferenceRetry.BackoffFactor, TimeSpan.FromSeconds(2)),
        ["QIANFAN_LLM_API_RETRY_JITTER"] = ("3", o => o.InferenceRetry.Jitter, TimeSpan.FromSeconds(3)),
        ["QIANFAN_LLM_API_RETRY_MAX_WAIT_INTERVAL"] = ("4", o => o.InferenceRetry.MaxWait, TimeSpan.FromSeconds(4)),
        ["QIANFAN_LLM_API_RETRY_ERR_CODES"] = ("336100", o => string.Join('|', o.InferenceRetry.Codes), "336100"),
        ["QIANFAN_QPS_LIMIT"] = ("2.5", o => o.QpsLimit, 2.5),
        ["QIANFAN_RPM_LIMIT"] = ("60", o => o.RpmLimit, 60),
        ["QIANFAN_TPM_LIMIT"] = ("1000", o => o.TpmLimit, 1000),
        ["QIANFAN_INFER_RESOURCE_REFRESH_INTERVAL"] = ("5", o => o.ServiceListLifetime, TimeSpan.FromSeconds(5)),
        ["QIANFAN_SSL_VERIFICATION_ENABLED"] = ("false", o => o.SslVerificationEnabled, false),
        ["QIANFAN_PROXY"] = ("http://p:1", o => o.Proxy, "http://p:1"),
        ["QIANFAN_IMPORT_STATUS_POLLING_INTERVAL"] = ("1", o => o.DatasetPollingInterval, TimeSpan.FromSeconds(1)),
        ["QIANFAN_TRAIN_STATUS_POLLING_INTERVAL"] = ("2", o => o.TrainPollingInterval, TimeSpan.FromSeconds(2)),
        ["QIANFAN_MODEL_PUBLISH_STATUS_POLLING_INTERVAL"] = ("3", o => o.ModelPublishPollingInterval, TimeSpan.FromSeconds(3)),
        ["QIANFAN_DEPLOY_STATUS_POLLING_INTERVAL"] = ("4", o => o.DeployPollingInterval, TimeSpan.FromSeconds(4)),
        ["QIANFAN_BOS_HOST_REGION"] = ("gz", o => o.Bos.Region, "gz"),
    };

    public static TheoryData<string> Names => [.. s_settings.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_official_setting_is_read_from_the_environment_and_from_a_dotenv_file(string name)
    {
        var (text, read, value) = s_settings[name];
        read(QianfanOptions.FromEnvironment(NoFile(_ => null))).ShouldNotBe(value);

        read(QianfanOptions.FromEnvironment(NoFile(n => n == name ? text : null))).ShouldBe(value);

        using var file = new TemporaryFile($"{name}=\"{text}\" # why");
        read(QianfanOptions.FromEnvironment(n => n == "QIANFAN_DOT_ENV_CONFIG_FILE" ? file.Path : null)).ShouldBe(value);
    }

    [Fact]
    public void Code_goes_before_the_environment_and_the_environment_before_the_file()
    {
        using var file = new TemporaryFile("QIANFAN_APP_ID=file\nQIANFAN_AK=file\nQIANFAN_SK=file");
        var options = QianfanOptions.FromEnvironment(name => name switch
        {
            "QIANFAN_DOT_ENV_CONFIG_FILE" => file.Path,
            "QIANFAN_APP_ID" or "QIANFAN_AK" => "environment",
            _ => null,
        }) with
        { AppId = "code" };

        (options.AppId, options.ApplicationKey, options.ApplicationSecret).ShouldBe(("code", "environment", "file"));
    }

    [Theory]
    [InlineData("QIANFAN_AK=a", "a")]
    [InlineData("  export QIANFAN_AK =  a  ", "a")]
    [InlineData("QIANFAN_AK='a # b'", "a # b")]
    [InlineData("QIANFAN_AK=a#b # c", "a#b")]
    [InlineData("QIANFAN_AK=a=b==", "a=b==")]
    [InlineData("QIANFAN_AK=\"a", "\"a")]
    [InlineData("QIANFAN_AK=first\nQIANFAN_AK=a", "a")]
    [InlineData("# QIANFAN_AK=a", null)]
    [InlineData("QIANFAN_AK", null)]
    [InlineData("qianfan_ak=a", null)]
    public void Lines_of_a_dotenv_file_are_read_as_people_write_them(string text, string? value)
    {
        using var file = new TemporaryFile(text);
        QianfanOptions.FromEnvironment(n => n == "QIANFAN_DOT_ENV_CONFIG_FILE" ? file.Path : null).ApplicationKey.ShouldBe(value);
    }

    [Theory]
    [InlineData("QIANFAN_QPS_LIMIT", "many")]
    [InlineData("QIANFAN_RPM_LIMIT", "1.5")]
    [InlineData("QIANFAN_AUTH_TIMEOUT", "soon")]
    [InlineData("QIANFAN_NO_AUTH", "perhaps")]
    [InlineData("QIANFAN_INFER_VERSION", "V3")]
    public void A_value_that_cannot_be_read_is_told_with_its_setting(string name, string text) =>
        Should.Throw<InvalidArgumentException>(() => QianfanOptions.FromEnvironment(NoFile(n => n == name ? text : null))).Message.ShouldContain(name);

    public static TheoryData<string, Func<QianfanOptions, QianfanOptions>> Wrong => new()
    {
        { "QpsLimit and RpmLimit", o => o with { QpsLimit = 1, RpmLimit = 1 } },
        { "TpmLimit", o => o with { TpmLimit = -1 } },
        { "ConsoleBaseUrl", o => o with { ConsoleBaseUrl = "qianfan" } },
        { "BaseUrl", o => o with { BaseUrl = "ftp://x" } },
        { "IamBaseUrl", o => o with { IamBaseUrl = "" } },
        { "ModelApiPrefix", o => o with { ModelApiPrefix = "rpc" } },
        { "InferenceTimeout", o => o with { InferenceTimeout = TimeSpan.Zero } },
        { "TrainPollingInterval", o => o with { TrainPollingInterval = TimeSpan.FromSeconds(-1) } },
        { "ConsoleRetry.MaxAttempts", o => o with { ConsoleRetry = new RetryOptions { MaxAttempts = 0 } } },
        { "InferenceRetry has a wait", o => o with { InferenceRetry = new RetryOptions { Jitter = TimeSpan.FromSeconds(-1) } } },
        { "SignatureExpirationSeconds", o => o with { SignatureExpirationSeconds = 0 } },
        { "MaxAnswerBytes", o => o with { MaxAnswerBytes = 0 } },
        { "Proxy", o => o with { Proxy = "proxy" } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Options_that_make_no_sense_are_refused_by_name_when_the_client_is_made(string name, Func<QianfanOptions, QianfanOptions> change)
    {
        using var http = new HttpClient();
        Should.Throw<InvalidArgumentException>(() => new QianfanClient(change(new QianfanOptions()), http)).Message.ShouldContain(name);
    }

    [Fact]
    public void A_client_goes_on_with_the_options_it_was_made_with()
    {
        var options = Given.Options();
        using var http = new HttpClient();
        var client = new QianfanClient(options, http);

        options.AccessKey = "other";
        options.ConsoleRetry.MaxAttempts = 99;

        (client.Options.AccessKey, client.Options.ConsoleRetry.MaxAttempts).ShouldBe(("ak", 3));
    }

    [Fact]
    public void The_text_of_options_shows_no_secret()
    {
        var secrets = typeof(QianfanOptions).GetProperties().Where(p => p.PropertyType == typeof(string) && p.Name is "SecretKey" or "BearerToken" or "ApplicationSecret" or "AccessToken" or "AccessCode").ToList();
        secrets.Count.ShouldBe(5);
        var options = new QianfanOptions();
        foreach (PropertyInfo secret in secrets)
        {
            secret.SetValue(options, "hidden");
        }

        options.ToString().ShouldNotContain("hidden");
    }

    private static Func<string, string?> NoFile(Func<string, string?> read) => name => name == "QIANFAN_DOT_ENV_CONFIG_FILE" ? "no-such-file.env" : read(name);

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text)
        {
            Path = System.IO.Path.GetTempFileName();
            File.WriteAllText(Path, text);
        }

        public string Path { get; }

        public void Dispose() => File.Delete(Path);
    }
}
