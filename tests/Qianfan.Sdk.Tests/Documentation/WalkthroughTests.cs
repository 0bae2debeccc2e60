#pragma warning disable xUnit1051 // The examples are as short as the text that holds them.
using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Documentation;

/// <summary>The examples of docs/sdk.md, run against a platform in memory; and the proof that the text holds these and no others.</summary>
public sealed class WalkthroughTests : IDisposable
{
    private readonly TalkingPlatform _platform = new();
    private readonly QianfanClient client;
    private readonly Store store = new();
    private readonly string _rows = Path.GetTempFileName();

    public WalkthroughTests()
    {
        client = Given.Client(_platform);
        File.WriteAllText(_rows, """
            [{"prompt":"What does the Heron cost?","response":[["1890 euros."]]}]
            [{"prompt":"How heavy is it?","response":[["18 kilograms."]]}]
            """);
    }

    public void Dispose()
    {
        client.Dispose();
        _platform.Dispose();
        File.Delete(_rows);
    }

    [Fact]
    public async Task Every_example_of_the_text_stands_here()
    {
        var (count, missing) = await CodeBlocks.CompareAsync("docs/sdk.md", "tests/Qianfan.Sdk.Tests/Documentation/WalkthroughTests.cs", Given.Token);
        count.ShouldBe(12);
        missing.ShouldBeEmpty();
    }

    [Fact]
    public void A_client()
    {
        var options = new QianfanOptions
        {
            AccessKey = "ALTAK...", SecretKey = "...",
            ConsoleBaseUrl = "http://localhost:5080",   // leave it out for Baidu's cloud
            PlatformExtensions = true,                  // leave it out for Baidu's cloud
        };
        using var client = new QianfanClient(options);

        client.Options.ConsoleBaseUrl.ShouldBe("http://localhost:5080");
    }

    [Fact]
    public async Task Fine_tune()
    {
        var path = _rows;

        var dataset = Dataset.FromFile(path);           // or Dataset.Load("ds-...")
        var trainer = new LlmFinetune(client, "qianfan-tiny", dataset, deployConfig: new DeployConfig { Name = "my service" });

        await trainer.RunAsync();

        Console.WriteLine(trainer.Status);              // Deployed
        Console.WriteLine(trainer.Output!["service_endpoint"]);

        trainer.Status.ShouldBe("Deployed");
        _platform.Services.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_config_of_ones_own()
    {
        var config = new TrainConfig { Epoch = 2, LearningRate = 1e-3, MaxSeqLen = 512, PeftType = PeftType.LoRA };
        var trainer = new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"), config);

        // What can be set, from where to where, and the defaults, as the platform reports them.
        var info = await ModelInfo.FindAsync(client, "qianfan-tiny", TrainMode.Sft);
        foreach (var fault in info.Validate(config with { Epoch = 1000 }))
            Console.WriteLine(fault);

        info.Validate(config).ShouldBeEmpty();
        info.Validate(config with { Epoch = 1000 }).ShouldNotBeEmpty();
        await trainer.RunAsync();
        _platform.Body("CreateFineTuningTask")["hyperParameterConfig"]!["epoch"]!.GetValue<int>().ShouldBe(2);
    }

    [Fact]
    public async Task Events_for_a_handler()
    {
        LlmFinetune trainer = null!;
        var handler = EventHandlers.From((e, token) => store.AppendAsync(e, trainer.Dumps(), token));
        trainer = new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"), eventHandler: handler);
        await trainer.RunAsync();

        store.Events[^1].ActionState.ShouldBe(ActionState.Done);
    }

    [Fact]
    public async Task Events_as_an_enumeration()
    {
        var trainer = new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"));

        await foreach (var e in trainer.RunWithEventsAsync())
            Console.WriteLine($"{e.ActionClass} {e.ActionState} {e.Data}");

        trainer.Status.ShouldBe("ModelPublished");
    }

    [Fact]
    public async Task Stop_and_resume()
    {
        var training = new TaskCompletionSource();
        _platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, from == 0 ? 2 : 4, from == 0 ? "" : "Done");
        var handler = EventHandlers.From(e =>
        {
            if (e is { ActionClass: "TrainAction", ActionState: ActionState.Running } && e.Data?["events"] is not null)
                training.TrySetResult();
        });
        var trainer = new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"), eventHandler: handler);
        trainer.Start();
        await training.Task;

        await trainer.StopAsync();                      // stops the task on the platform
        try
        {
            await trainer.WaitAsync();
        }
        catch (ActionStoppedException)
        {
            Console.WriteLine(trainer.Status);          // TrainStopped
        }

        var state = trainer.Dumps();                    // versioned JSON; no network, at any moment
        var again = LlmFinetune.Loads(state, client, handler);   // on any machine
        await again.ResumeAsync();                      // goes on to the end, repeats nothing that was done

        trainer.Status.ShouldBe("TrainStopped");
        again.Status.ShouldBe("ModelPublished");
        _platform.Tasks.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Deploy_and_chat()
    {
        await new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"), options: new LlmFinetuneOptions { ModelNotPublish = true }).RunAsync();

        var model = new Model(client, jobId: "job-1", taskId: "task-1");
        Service service = await model.DeployAsync(new DeployConfig { Name = "my service" });   // publishes first when needed

        await foreach (var piece in service.StreamAsync([ChatMessage.User("你好")]))
            Console.Write(piece.Text);

        var answer = await client.Chat.CompleteAsync(new ChatCompletionRequest { Model = service.Endpoint!, Messages = [ChatMessage.User("你好")] });
        Console.WriteLine(answer.Text);

        answer.Text.ShouldBe("你好！");
    }

    [Fact]
    public async Task Actions_of_ones_own_choice()
    {
        var pipeline = new Pipeline(
        [
            new LoadDataSetAction(client, Dataset.Load("ds-1")),
            new TrainAction(client, "qianfan-tiny"),
            new ModelPublishAction(client),
        ]);
        var output = await pipeline.ExecAsync();
        Console.WriteLine($"{output["job_id"]} {output["task_id"]} {output["model_id"]}");

        output["model_id"].ShouldNotBeNull();
    }

    [Fact]
    public async Task Incremental_training()
    {
        var first = new LlmFinetune(client, "qianfan-tiny", Dataset.Load("ds-1"));
        await first.RunAsync();

        var more = new LlmFinetune(client, null, Dataset.Load("ds-2"), options: new LlmFinetuneOptions { PreviousTrainer = first });   // or PreviousTaskId, PreviousModelId
        await more.RunAsync();

        _platform.Body("CreateFineTuningTask")["incrementTaskId"]!.GetValue<string>().ShouldBe("task-1");
    }

    [Fact]
    public async Task The_first_generation()
    {
        var options = new QianfanOptions { AccessKey = "ALTAK...", SecretKey = "...", BaseUrl = "http://localhost:5080", ConsoleBaseUrl = "http://localhost:5080", ApiVersion = ApiVersion.V1 };
        using var http = new HttpClient(_platform, disposeHandler: false);

        using var old = new QianfanClient(options, http);
        var reply = await old.V1.Chat.CompleteAsync("my_endpoint", new V1ChatRequest { Messages = [V1ChatMessage.User("你好")] });
        Console.WriteLine(reply.Result);

        reply.Result.ShouldBe("你好！");
    }

    [Fact]
    public async Task Broken_rows()
    {
        var path = _rows;
        await File.AppendAllTextAsync(path, "\n{\"prompt\":7}\n");

        var summary = await Dataset.FromFile(path).ValidateAsync();
        foreach (var error in summary.Errors)
            Console.WriteLine($"line {error.Line}, {error.Field}: {error.Message}");

        summary.Errors.ShouldHaveSingleItem().Line.ShouldBe(3);
    }

    [Fact]
    public async Task Rows()
    {
        var path = _rows;
        var saved = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".csv");

        var dataset = Dataset.FromFile(path);
        var brief = dataset.Filter(row => row.Messages.Count == 2);   // lazy: one row in memory at a time
        await brief.SaveAsync(saved);                                 // json, jsonl, csv or txt, by its name
        await foreach (var row in brief)
            Console.WriteLine(row.Messages[^1].Content);

        (await File.ReadAllLinesAsync(saved)).Length.ShouldBe(3);
        File.Delete(saved);
    }

    /// <summary>The platform of the trainer's tests, with models that answer.</summary>
    private sealed class TalkingPlatform : DelegatingHandler
    {
        private readonly ScriptedPlatform _platform;

        public TalkingPlatform() : this(new ScriptedPlatform())
        {
        }

        private TalkingPlatform(ScriptedPlatform platform) : base(platform) => _platform = platform;

        public Action<TaskLog, int> OnTrain
        {
            set => _platform.OnTrain = value;
        }

        public IReadOnlyCollection<(string Id, string Name, string Status)> Services => _platform.Services;

        public IReadOnlyDictionary<string, (string JobId, TaskLog Log)> Tasks => _platform.Tasks;

        public JsonNode Body(string name) => _platform.Requests.Last(r => r.Name == name).Body.ShouldNotBeNull();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var path = request.RequestUri!.AbsolutePath;
            var body = request.Content is null || !path.Contains("chat", StringComparison.Ordinal) ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            return path switch
            {
                "/v2/chat/completions" when body.Contains("\"stream\":true", StringComparison.Ordinal) => RecordingHandler.Events("""{"choices":[{"index":0,"delta":{"content":"你好！"},"finish_reason":"stop"}]}""")(),
                "/v2/chat/completions" => RecordingHandler.Json("""{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"你好！"}}]}""")(),
                "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/my_endpoint" => RecordingHandler.Json("""{"id":"as-1","result":"你好！","is_end":true}""")(),
                _ => await base.SendAsync(request, cancellationToken),
            };
        }
    }

    /// <summary>Stands for a store that writes event and state in one transaction.</summary>
    private sealed class Store
    {
        public List<Event> Events { get; } = [];

        public ValueTask AppendAsync(Event e, string state, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            state.ShouldNotBeEmpty();
            Events.Add(e);
            return ValueTask.CompletedTask;
        }
    }
}
