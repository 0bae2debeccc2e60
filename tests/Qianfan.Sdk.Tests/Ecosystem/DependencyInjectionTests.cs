using System.Net;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.DependencyInjection;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using ChatMessage = Qianfan.Sdk.Protocol.ChatMessage;

namespace Qianfan.Sdk.Tests.Ecosystem;

public sealed class DependencyInjectionTests
{
    private static readonly ChatCompletionRequest s_question = new() { Model = "m", Messages = [ChatMessage.User("hi")] };

    [Fact]
    public void Code_wins_over_the_section_and_the_section_over_the_environment()
    {
        var section = Section(("AccessKey", "section-ak"), ("SecretKey", "section-sk"), ("ConsoleTimeout", "00:00:07"), ("ConsoleRetry:MaxAttempts", "9"), ("Bos:Bucket", "b"), ("PlatformExtensions", "true"), ("DeployPollingInterval", "00:00:01"));
        var services = Services(("QIANFAN_ACCESS_KEY", "env-ak"), ("QIANFAN_SECRET_KEY", "env-sk"), ("QIANFAN_APP_ID", "env-app"));
        services.AddQianfan(section, o => o.SecretKey = "code-sk");

        var options = services.BuildServiceProvider().GetRequiredService<QianfanClient>().Options;

        options.ShouldSatisfyAllConditions(
            o => o.SecretKey.ShouldBe("code-sk"),
            o => o.AccessKey.ShouldBe("section-ak"),
            o => o.AppId.ShouldBe("env-app"),
            o => o.ConsoleTimeout.ShouldBe(TimeSpan.FromSeconds(7)),
            o => o.ConsoleRetry.MaxAttempts.ShouldBe(9),
            o => o.ConsoleRetry.Codes.ShouldContain("336100"),
            o => o.Bos.Bucket.ShouldBe("b"),
            o => o.Bos.Region.ShouldBe("bj"),
            o => o.PlatformExtensions.ShouldBeTrue(),
            o => o.DeployPollingInterval.ShouldBe(TimeSpan.FromSeconds(1)),
            o => o.InferenceTimeout.ShouldBe(TimeSpan.FromSeconds(300)));
    }

    [Fact]
    public void Each_setting_can_come_from_a_section()
    {
        var text = new Dictionary<Type, string>
        {
            [typeof(string)] = "text", [typeof(int)] = "17", [typeof(double)] = "17", [typeof(TimeSpan)] = "00:00:17", [typeof(ApiVersion)] = "V1",
        };
        foreach (var member in typeof(QianfanOptions).GetProperties().Where(p => p.CanWrite && p.PropertyType != typeof(RetryOptions) && p.PropertyType != typeof(BosOptions)))
        {
            var value = member.GetValue(new QianfanOptions()) is bool standard ? $"{!standard}" : text[Nullable.GetUnderlyingType(member.PropertyType) ?? member.PropertyType];
            var services = Services();
            services.AddQianfan(Section((member.Name, value)));
            services.RemoveAll<IValidateOptions<QianfanOptions>>();

            var bound = member.GetValue(services.BuildServiceProvider().GetRequiredService<IOptions<QianfanOptions>>().Value);

            Convert.ToString(bound, System.Globalization.CultureInfo.InvariantCulture).ShouldBe(value, member.Name);
        }
    }

    [Fact]
    public void Wrong_settings_stop_the_host_at_its_start_each_by_name()
    {
        var services = Services();
        services.AddQianfan("cloud", o =>
        {
            o.AccessKey = "ak";
            o.ConsoleBaseUrl = "nowhere";
            o.ConsoleTimeout = TimeSpan.Zero;
            o.InferenceRetry = new RetryOptions { MaxAttempts = 0 };
        });

        var failures = Should.Throw<OptionsValidationException>(() => services.BuildServiceProvider().GetRequiredService<IStartupValidator>().Validate()).Failures.ToList();

        failures.ShouldAllBe(f => f.StartsWith("Qianfan \"cloud\": ", StringComparison.Ordinal));
        foreach (var setting in new[] { "QIANFAN_SECRET_KEY", "ConsoleBaseUrl", "ConsoleTimeout", "InferenceRetry.MaxAttempts" })
        {
            failures.ShouldContain(f => f.Contains(setting, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Missing_credentials_are_told_with_the_ways_to_set_them()
    {
        var services = Services();
        services.AddQianfan();
        Should.Throw<OptionsValidationException>(() => services.BuildServiceProvider().GetRequiredService<QianfanClient>()).Message.ShouldContain("QIANFAN_BEARER_TOKEN");
    }

    [Fact]
    public async Task Several_clients_stand_side_by_side_under_their_names()
    {
        var (ours, cloud) = (new RecordingHandler(RecordingHandler.Json("{}")), new RecordingHandler(RecordingHandler.Json("{}")));
        var services = Services();
        services.AddQianfan(o => (o.BearerToken, o.ConsoleBaseUrl) = ("t1", "http://ours.test")).ConfigurePrimaryHttpMessageHandler(() => ours);
        services.AddQianfan("cloud", o => o.BearerToken = "t2").ConfigurePrimaryHttpMessageHandler(() => cloud);
        services.AddQianfanChatClient("m1").AddQianfanChatClient("m2", "cloud").AddQianfanEmbeddingGenerator("e", "cloud");
        await using var provider = services.BuildServiceProvider();

        await provider.GetRequiredService<IChatClient>().GetResponseAsync("hi", cancellationToken: Given.Token);
        await provider.GetRequiredKeyedService<IChatClient>("cloud").GetResponseAsync("hi", cancellationToken: Given.Token);

        ours.Requests.Single().RequestUri!.Host.ShouldBe("ours.test");
        ours.Bodies.Single()!["model"]!.GetValue<string>().ShouldBe("m1");
        cloud.Requests.Single().ShouldSatisfyAllConditions(r => r.RequestUri!.Host.ShouldBe("qianfan.baidubce.com"), r => r.Headers.Authorization!.Parameter.ShouldBe("t2"));
        cloud.Bodies.Single()!["model"]!.GetValue<string>().ShouldBe("m2");
        provider.GetRequiredService<QianfanClient>().ShouldBeSameAs(provider.GetRequiredService<QianfanClient>());
        provider.GetRequiredService<QianfanClient>().ShouldNotBeSameAs(provider.GetRequiredKeyedService<QianfanClient>("cloud"));
        provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("cloud").GetService<QianfanClient>().ShouldBeSameAs(provider.GetRequiredKeyedService<QianfanClient>("cloud"));
    }

    [Fact]
    public async Task Decorators_of_a_host_go_on_top()
    {
        var services = Services();
        services.AddQianfan(o => o.BearerToken = "t").ConfigurePrimaryHttpMessageHandler(() => new RecordingHandler(RecordingHandler.Json("{}")));
        services.AddChatClient(p => p.GetRequiredService<QianfanClient>().AsIChatClient("m")).UseFunctionInvocation();
        await using var provider = services.BuildServiceProvider();

        provider.GetRequiredService<IChatClient>().GetService<FunctionInvokingChatClient>().ShouldNotBeNull();
    }

    [Fact]
    public async Task Nothing_is_repeated_twice_though_the_hosts_defaults_repeat_everything()
    {
        var platform = new RecordingHandler(RecordingHandler.Json("{}", HttpStatusCode.ServiceUnavailable));
        var services = Services();
        services.AddQianfan(o => (o.BearerToken, o.InferenceRetry) = ("t", new RetryOptions { MaxAttempts = 2, BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero })).ConfigurePrimaryHttpMessageHandler(() => platform);
        services.ConfigureHttpClientDefaults(http => http.AddStandardResilienceHandler());
        await using var provider = services.BuildServiceProvider();

        await Should.ThrowAsync<QianfanException>(() => provider.GetRequiredService<QianfanClient>().Chat.CompleteAsync(s_question, Given.Token));

        platform.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_host_that_is_ill_is_left_alone_for_a_while_and_others_are_not()
    {
        var time = new FakeTimeProvider();
        var platform = new SickHost("ill.test");
        var services = Services();
        services.AddSingleton<TimeProvider>(time);
        services.AddQianfan(o => Patient(o, "http://ill.test")).ConfigurePrimaryHttpMessageHandler(() => platform);
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<QianfanClient>();
        for (var i = 0; i < 20; i++)
        {
            await Should.ThrowAsync<QianfanRequestException>(() => client.Chat.CompleteAsync(s_question, Given.Token));
        }

        var refused = await Should.ThrowAsync<QianfanRequestException>(() => client.Chat.CompleteAsync(s_question, Given.Token));

        refused.NotSent.ShouldBeTrue();
        platform.Count.ShouldBe(20);
        await client.Bos.PutObjectAsync("b", "k", new MemoryStream([1]), Given.Token);

        platform.Healthy = true;
        time.Advance(TimeSpan.FromSeconds(6));
        (await client.Chat.CompleteAsync(s_question, Given.Token)).Id.ShouldBe("as-1");

        static void Patient(QianfanOptions o, string address)
        {
            (o.AccessKey, o.SecretKey, o.ConsoleBaseUrl, o.BearerToken, o.Bos) = ("ak", "sk", address, null, new BosOptions { Bucket = "b", Endpoint = "http://bos.test" });
            o.InferenceRetry = new RetryOptions { MaxAttempts = 1 };
        }
    }

    [Fact]
    public async Task A_call_may_take_as_long_as_the_client_allows_whatever_the_hosts_defaults_say()
    {
        var time = new FakeTimeProvider();
        var services = Services();
        services.AddSingleton<TimeProvider>(time);
        services.ConfigureHttpClientDefaults(http => http.AddStandardResilienceHandler());
        services.AddQianfan(o => (o.BearerToken, o.InferenceRetry.MaxAttempts) = ("t", 1)).ConfigurePrimaryHttpMessageHandler(() => new SlowHost(time, TimeSpan.FromSeconds(299)));
        await using var provider = services.BuildServiceProvider();

        (await provider.GetRequiredService<QianfanClient>().Chat.CompleteAsync(s_question, Given.Token)).Id.ShouldBe("as-1");

        provider.GetRequiredService<IHttpClientFactory>().CreateClient("Qianfan").Timeout.ShouldBe(Timeout.InfiniteTimeSpan);
    }

    private static ServiceCollection Services(params (string Name, string Value)[] environment)
    {
        var services = new ServiceCollection();
        services.AddSingleton(new QianfanEnvironment { Read = name => environment.FirstOrDefault(e => e.Name == name).Value });
        return services;
    }

    private static IConfiguration Section(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => "Qianfan:" + s.Key, s => (string?)s.Value)).Build().GetSection("Qianfan");

    /// <summary>Fails for one host until it is well again.</summary>
    private sealed class SickHost(string host) : HttpMessageHandler
    {
        public bool Healthy { get; set; }

        public int Count { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Host == host && !Healthy)
            {
                Count++;
                return Task.FromResult(RecordingHandler.Json("<html>", HttpStatusCode.BadGateway)());
            }

            return Task.FromResult(RecordingHandler.Json(request.RequestUri.Host.StartsWith("iam", StringComparison.Ordinal) ? """{"token":"t","expireTime":"2099-01-01T00:00:00Z"}""" : """{"id":"as-1"}""")());
        }
    }

    /// <summary>Answers after a while, unless the request was given up.</summary>
    private sealed class SlowHost(FakeTimeProvider time, TimeSpan wait) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            time.Advance(wait);
            cancellationToken.ThrowIfCancellationRequested();
            return Task.FromResult(RecordingHandler.Json("""{"id":"as-1"}""")());
        }
    }
}
