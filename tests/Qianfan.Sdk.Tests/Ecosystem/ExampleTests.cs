#pragma warning disable xUnit1051 // The examples are as short as the text that holds them.
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.DependencyInjection;
using Qianfan.Sdk.Telemetry;
using Qianfan.Sdk.Tests.Documentation;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Ecosystem;

/// <summary>The examples of docs/sdk-ecosystem.md and of the package's README, run; and the proof that the text holds these and no others.</summary>
public sealed class ExampleTests
{
    [Fact]
    public async Task Readme()
    {
        var services = Services(new ScriptedCloud());

        services.AddQianfan();                          // credentials: QIANFAN_ACCESS_KEY and QIANFAN_SECRET_KEY, configuration, or code
        services.AddQianfanChatClient("ernie-4.0-turbo-8k");
        await using var provider = services.BuildServiceProvider();

        // A model, through Microsoft.Extensions.AI.
        var chat = provider.GetRequiredService<IChatClient>();
        Console.WriteLine(await chat.GetResponseAsync("你好"));

        // A model of one's own: trained, published, deployed.
        var client = provider.GetRequiredService<QianfanClient>();
        var trainer = new LlmFinetune(client, "ERNIE-Speed-8K", Dataset.Load("ds-1"), deployConfig: new DeployConfig { Name = "my service" });
        await trainer.RunAsync();
        Console.WriteLine(trainer.Output!["service_endpoint"]);

        trainer.Status.ShouldBe("Deployed");
    }

    [Fact]
    public async Task Registration()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Qianfan:ConsoleTimeout"] = "00:00:05" }).Build();
        var services = Services(new ScriptedCloud());

        services.AddQianfan(configuration.GetSection("Qianfan"), o => o.AppId = "app-1");           // QianfanClient
        services.AddQianfan("lab", o => o.ConsoleBaseUrl = o.IamBaseUrl = "http://lab.test:5080");   // a second one, under a key

        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<QianfanClient>().Options.ShouldSatisfyAllConditions(o => o.AppId.ShouldBe("app-1"), o => o.ConsoleTimeout.ShouldBe(TimeSpan.FromSeconds(5)));
        provider.GetRequiredKeyedService<QianfanClient>("lab").Options.IamBaseUrl.ShouldBe("http://lab.test:5080");
    }

    [Fact]
    public async Task Handlers()
    {
        var services = Services(new ScriptedCloud());

        services.AddQianfan(o => o.InferenceRetry.MaxAttempts = 5)
            .AddHttpMessageHandler(() => new TenantHandler());

        await using var provider = services.BuildServiceProvider();
        await Should.ThrowAsync<TenantException>(() => provider.GetRequiredService<QianfanClient>().AsIChatClient("m").GetResponseAsync("hi", cancellationToken: Given.Token));
    }

    [Fact]
    public async Task Extensions()
    {
        var services = Services(new ScriptedCloud());

        services.AddQianfan();
        services.AddChatClient(p => p.GetRequiredService<QianfanClient>().AsIChatClient("ernie-4.0-turbo-8k")).UseFunctionInvocation();
        services.AddQianfanEmbeddingGenerator("embedding-v1");

        await using var provider = services.BuildServiceProvider();
        var chat = provider.GetRequiredService<IChatClient>();
        var embeddings = provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();

        var options = new ChatOptions
        {
            Temperature = 0.2f,
            Tools = [AIFunctionFactory.Create((string city) => $"21 degrees in {city}", "weather")],
            AdditionalProperties = new() { ["penalty_score"] = 1.1 },   // whatever Qianfan takes besides, by its wire name
        };
        await foreach (var update in chat.GetStreamingResponseAsync("What is the weather in Xi'an?", options))
            Console.Write(update.Text);
        var vectors = await embeddings.GenerateAsync(["你好", "hello"]);

        vectors.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Telemetry()
    {
        var services = Services(new ScriptedCloud());

        services.AddOpenTelemetry()
            .WithTracing(t => t.AddSource(QianfanTelemetry.SourceName))
            .WithMetrics(m => m.AddMeter(QianfanTelemetry.SourceName));

        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<TracerProvider>().ShouldNotBeNull();
        provider.GetRequiredService<MeterProvider>().ShouldNotBeNull();
    }

    [Theory]
    [InlineData("docs/sdk-ecosystem.md", 5)]
    [InlineData("src/Qianfan.Sdk/README.md", 1)]
    public async Task Each_example_of_the_text_stands_here(string page, int examples)
    {
        var (count, missing) = await CodeBlocks.CompareAsync(page, "tests/Qianfan.Sdk.Tests/Ecosystem/ExampleTests.cs", Given.Token);
        count.ShouldBe(examples);
        missing.ShouldBeEmpty();
    }

    /// <summary>Services whose connections end in a platform in memory.</summary>
    private static ServiceCollection Services(HttpMessageHandler platform)
    {
        var services = new ServiceCollection();
        services.AddSingleton(new QianfanEnvironment { Read = name => name is "QIANFAN_ACCESS_KEY" or "QIANFAN_SECRET_KEY" ? "key" : null });
        services.PostConfigureAll<HttpClientFactoryOptions>(o => o.HttpMessageHandlerBuilderActions.Add(b => b.PrimaryHandler = platform));
        return services;
    }

    /// <summary>The platform of the trainer's tests, and models that answer.</summary>
    private sealed class ScriptedCloud : DelegatingHandler
    {
        public ScriptedCloud()
            : base(new ScriptedPlatform())
        {
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            return request.RequestUri!.AbsolutePath switch
            {
                "/v1/BCE-BEARER/token" => RecordingHandler.Json("""{"token":"t","expireTime":"2099-01-01T00:00:00Z"}""")(),
                "/v2/embeddings" => RecordingHandler.Json("""{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}""")(),
                "/v2/chat/completions" when body.Contains("\"stream\":true", StringComparison.Ordinal) => RecordingHandler.Events("""{"choices":[{"index":0,"delta":{"content":"21"},"finish_reason":"stop"}]}""")(),
                "/v2/chat/completions" => RecordingHandler.Json("""{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"你好"}}]}""")(),
                _ => await base.SendAsync(request, cancellationToken),
            };
        }
    }

    private sealed class TenantException : Exception;

    /// <summary>Stands for any handler of a program's own; shows that it is reached.</summary>
    private sealed class TenantHandler : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => throw new TenantException();
    }
}
