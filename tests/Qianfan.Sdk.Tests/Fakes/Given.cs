using System.Text;
using System.Text.Json;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>What most tests begin with.</summary>
internal static class Given
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>No waits, so that tests of what happens are not tests of when.</summary>
    public static QianfanOptions Options(bool ours = true) => new()
    {
        AccessKey = "ak",
        SecretKey = "sk",
        ConsoleBaseUrl = "http://platform.test:8866",
        IamBaseUrl = "http://iam.test",
        PlatformExtensions = ours,
        ConsoleRetry = new RetryOptions { Codes = ["336100", "18", "500000"], BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero },
        OutagePatience = TimeSpan.Zero,
        DatasetPollingInterval = TimeSpan.Zero,
        TrainPollingInterval = TimeSpan.Zero,
        ModelPublishPollingInterval = TimeSpan.Zero,
        DeployPollingInterval = TimeSpan.Zero,
    };

    public static QianfanClient Client(HttpMessageHandler platform, bool ours = true) => new(Options(ours), new HttpClient(platform));

    public static LlmFinetune Finetune(QianfanClient client, IEventHandler? handler = null, string id = "run1", TrainConfig? config = null) => new(
        client,
        "qianfan-tiny",
        Dataset.Load("ds-1"),
        config,
        new DeployConfig { Name = "我的 service" },
        handler,
        options: new LlmFinetuneOptions { Id = id, JobName = "my job", ModelName = "my model" });

    public static MemoryStream File(string text) => new(Encoding.UTF8.GetBytes(text));

    public static JsonDocument Resource(string name)
    {
        using var stream = typeof(Given).Assembly.GetManifestResourceStream(name).ShouldNotBeNull();
        return JsonDocument.Parse(stream);
    }
}

/// <summary>Keeps the events, and after each the pipeline's state, as a store does that writes both in one transaction.</summary>
internal sealed class EventStore : IEventHandler
{
    private readonly Lock _sync = new();

    public Func<string>? Dump { get; set; }

    public string? LastState { get; private set; }

    public List<Event> Events { get; } = [];

    /// <summary>Called before an event is stored; may throw.</summary>
    public Action<Event> Before { get; set; } = _ => { };

    /// <summary>Called after an event was stored.</summary>
    public Func<Event, Task> After { get; set; } = _ => Task.CompletedTask;

    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_sync)
            {
                return [.. Events.Select(e => $"{e.ActionClass.Replace("Action", "", StringComparison.Ordinal)}.{e.ActionState}")];
            }
        }
    }

    /// <summary>Sequences of the platform's events, in the order told.</summary>
    public IReadOnlyList<long> Sequences
    {
        get
        {
            lock (_sync)
            {
                return [.. Events.Where(e => e.Data?["events"] is not null).SelectMany(e => e.Data!["events"]!.AsArray()).Select(e => e!["sequence"]!.GetValue<long>())];
            }
        }
    }

    public async ValueTask DispatchAsync(Event e, CancellationToken cancellationToken)
    {
        Before(e);
        lock (_sync)
        {
            Events.Add(e);
            LastState = Dump?.Invoke();
        }

        await After(e);
    }
}
