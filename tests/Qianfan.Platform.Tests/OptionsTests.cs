using Microsoft.Extensions.Options;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Settings are checked when the host starts.</summary>
public sealed class OptionsTests
{
    public static TheoryData<string, Action<PlatformOptions>> Mistakes => new()
    {
        { "DataDirectory", options => options.DataDirectory = " " },
        { "PublicUrl", options => options.PublicUrl = "localhost" },
        { "MaxFileBytes", options => options.MaxFileBytes = 0 },
        { "MaxRequestBytes", options => options.MaxRequestBytes = 1 },
        { "TrainingRetries", options => options.TrainingRetries = -1 },
        { "WorkerStopTimeout", options => options.WorkerStopTimeout = TimeSpan.Zero },
        { "ServiceIdleTimeout", options => options.ServiceIdleTimeout = TimeSpan.FromMilliseconds(1) },
        { "ServiceQueueLength", options => options.ServiceQueueLength = -1 },
        { "BosS3:Endpoint", options => options.BosS3 = new BosS3Options { Bucket = "b", AccessKey = "a", SecretKey = "s" } },
        { "BosS3:SecretKey", options => options.BosS3 = new BosS3Options { Endpoint = "http://127.0.0.1:9000", Bucket = "b", AccessKey = "a" } },
        { "BosS3 and BosDirectory", options => (options.BosDirectory, options.BosS3) = ("bos", new BosS3Options { Endpoint = "http://127.0.0.1:9000", Bucket = "b", AccessKey = "a", SecretKey = "s" }) },
        { "KeepAlive", options => options.KeepAlive = TimeSpan.FromHours(1) },
        { "UsageRecordLife", options => options.UsageRecordLife = TimeSpan.Zero },
        { "Keys:4:SecretKey", options => options.Keys.Add(new ConfiguredKey { AccessKey = "x", SecretKey = "short" }) },
        { "Keys:4:TokensPerMonth", options => options.Keys.Add(new ConfiguredKey { AccessKey = "x", SecretKey = "0123456789abcdef", TokensPerMonth = -1 }) },
        { "Keys:4:Scopes and ReadOnly", options => options.Keys.Add(new ConfiguredKey { AccessKey = "x", SecretKey = "0123456789abcdef", Scopes = KeyScopes.Inference, ReadOnly = true }) },
        { "Keys:4:Scopes must name", options => options.Keys.Add(new ConfiguredKey { AccessKey = "x", SecretKey = "0123456789abcdef", Scopes = KeyScopes.None }) },
        { "Keys:4:Scopes must name", options => options.Keys.Add(new ConfiguredKey { AccessKey = "x", SecretKey = "0123456789abcdef", Scopes = (KeyScopes)9 }) },
        { "TokensPerMonth stands there with different values", options => { foreach (var n in new[] { 1, 2 }) options.Keys.Add(new ConfiguredKey { AccessKey = "x" + n, SecretKey = "0123456789abcdef", TokensPerMonth = n }); } },
        { "AccessKey stands there twice", options => options.Keys.Add(new ConfiguredKey { AccessKey = PlatformHost.AccessKey, SecretKey = "0123456789abcdef" }) },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public async Task A_wrong_setting_is_named(string setting, Action<PlatformOptions> mistake)
    {
        var error = await Should.ThrowAsync<OptionsValidationException>(() => PlatformHost.StartAsync(configure: mistake));
        error.Message.ShouldContain("Platform setting");
        error.Message.ShouldContain(setting);
    }
}
