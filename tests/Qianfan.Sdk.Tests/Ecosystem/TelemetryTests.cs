using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Ecosystem;

/// <summary>Whoever listens hears the whole process: these tests run when no others do.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class AloneCollection;

[Collection(typeof(AloneCollection))]
public sealed class TelemetryTests
{
    private const string Answer =
        """{"id":"as-1","model":"ernie-x","choices":[{"index":0,"message":{"role":"assistant","content":"secret answer"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""";

    private static readonly ChatCompletionRequest s_question = new()
    {
        Model = "svc_1", Messages = [ChatMessage.User("secret question")], Temperature = 0.5, TopP = 0.9, MaxCompletionTokens = 8, Seed = 4, PresencePenalty = 0.1, FrequencyPenalty = 0.2,
    };

    [Fact]
    public async Task A_chat_is_an_activity_with_the_conventions_names()
    {
        using var listening = new Listening();
        using var caller = new Activity("caller").Start();
        var call = Client(RecordingHandler.Json(Answer)).Chat.CompleteAsync(s_question, Given.Token);
        Activity.Current.ShouldBeSameAs(caller);
        await call;

        Activity.Current.ShouldBeSameAs(caller);
        var activity = listening.Activities.Single();
        activity.ShouldSatisfyAllConditions(
            a => a.DisplayName.ShouldBe("chat svc_1"),
            a => a.Kind.ShouldBe(ActivityKind.Client),
            a => a.ParentSpanId.ShouldBe(caller.SpanId),
            a => a.Status.ShouldBe(ActivityStatusCode.Unset));
        Tags(activity.TagObjects).ShouldBe(
            [
                "gen_ai.operation.name=chat", "gen_ai.provider.name=qianfan", "gen_ai.request.frequency_penalty=0.2", "gen_ai.request.max_tokens=8", "gen_ai.request.model=svc_1", "gen_ai.request.presence_penalty=0.1",
                "gen_ai.request.seed=4", "gen_ai.request.temperature=0.5", "gen_ai.request.top_p=0.9", "gen_ai.response.finish_reasons=stop", "gen_ai.response.id=as-1", "gen_ai.response.model=ernie-x",
                "gen_ai.usage.input_tokens=3", "gen_ai.usage.output_tokens=2", "server.address=platform.test", "server.port=8866",
            ]);
        listening.Everything.ShouldNotContain("secret");
    }

    [Fact]
    public async Task Duration_and_tokens_are_measured_with_the_conventions_buckets()
    {
        using var listening = new Listening();
        var time = new FakeTimeProvider();
        var client = new QianfanClient(Bearer(), new HttpClient(new WaitingHandler(time, TimeSpan.FromSeconds(2), new RecordingHandler(RecordingHandler.Json(Answer)))), time);

        await client.Completions.CompleteAsync("svc_1", "secret prompt", cancellationToken: Given.Token);

        const string Common = "gen_ai.operation.name=text_completion gen_ai.provider.name=qianfan gen_ai.request.model=svc_1 gen_ai.response.model=ernie-x";
        listening.Measured("gen_ai.client.operation.duration").ShouldBe([$"2 {Common} server.address=platform.test server.port=8866"]);
        listening.Measured("gen_ai.client.token.usage").ShouldBe(
            [$"3 {Common} gen_ai.token.type=input server.address=platform.test server.port=8866", $"2 {Common} gen_ai.token.type=output server.address=platform.test server.port=8866"],
            ignoreOrder: true);
        listening.Measured("gen_ai.client.operation.time_to_first_chunk").ShouldBeEmpty();
        listening.Activities.Single().DisplayName.ShouldBe("text_completion svc_1");
        ((Histogram<double>)listening.Instruments["gen_ai.client.operation.duration"]).ShouldSatisfyAllConditions(
            h => h.Unit.ShouldBe("s"),
            h => h.Advice!.HistogramBucketBoundaries!.ShouldBe([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]));
        ((Histogram<long>)listening.Instruments["gen_ai.client.token.usage"]).ShouldSatisfyAllConditions(
            h => h.Unit.ShouldBe("{token}"),
            h => h.Advice!.HistogramBucketBoundaries!.ShouldBe([1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]));
    }

    [Fact]
    public async Task A_stream_tells_when_its_pieces_came_and_ends_with_its_last()
    {
        using var listening = new Listening();
        var time = new FakeTimeProvider();
        var answers = new RecordingHandler(RecordingHandler.Events(
            """{"id":"as-2","model":"ernie-x","choices":[{"index":0,"delta":{"content":"a"}}]}""",
            """{"id":"as-2","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"length"}]}""",
            """{"id":"as-2","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"""));
        var client = new QianfanClient(Bearer(), new HttpClient(new WaitingHandler(time, TimeSpan.FromSeconds(1), answers)), time);
        using var caller = new Activity("caller").Start();

        await foreach (var _ in client.Chat.StreamAsync(s_question, Given.Token))
        {
            Activity.Current.ShouldBeSameAs(caller);
            listening.Activities.ShouldBeEmpty();
            time.Advance(TimeSpan.FromSeconds(0.5));
        }

        var activity = listening.Activities.Single();
        activity.ParentSpanId.ShouldBe(caller.SpanId);
        Tags(activity.TagObjects).ShouldContain("gen_ai.request.stream=True");
        Tags(activity.TagObjects).ShouldContain("gen_ai.response.time_to_first_chunk=1");
        Tags(activity.TagObjects).ShouldContain("gen_ai.response.finish_reasons=length");
        Tags(activity.TagObjects).ShouldContain("gen_ai.usage.output_tokens=2");
        listening.Measured("gen_ai.client.operation.time_to_first_chunk").Single().ShouldStartWith("1 ");
        listening.Measured("gen_ai.client.operation.time_per_output_chunk").Select(m => m.Split(' ')[0]).ShouldBe(["0.5", "0.5"]);
        listening.Measured("gen_ai.client.operation.duration").Single().ShouldStartWith("2.5 ");
    }

    [Fact]
    public async Task A_stream_that_is_left_early_ends_its_activity_without_an_error()
    {
        using var listening = new Listening();
        await foreach (var _ in Client(RecordingHandler.Events("""{"choices":[{"index":0,"delta":{"content":"a"}}]}""", """{"choices":[{"index":0,"delta":{"content":"b"}}]}""")).Chat.StreamAsync(s_question, Given.Token))
        {
            break;
        }

        listening.Activities.Single().Status.ShouldBe(ActivityStatusCode.Unset);
        listening.Measured("gen_ai.client.operation.duration").Single().ShouldNotContain("error.type");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_error_is_told_by_its_code_and_not_by_its_words(bool streamed)
    {
        using var listening = new Listening();
        var client = Client(RecordingHandler.Json("""{"error":{"code":"invalid_messages","message":"secret question is odd"},"id":"as-3"}""", HttpStatusCode.BadRequest));

        await Should.ThrowAsync<QianfanApiException>(async () =>
        {
            _ = streamed ? (object)await client.Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token) : await client.Chat.CompleteAsync(s_question, Given.Token);
        });

        listening.Activities.Single().ShouldSatisfyAllConditions(a => a.Status.ShouldBe(ActivityStatusCode.Error), a => a.GetTagItem("error.type").ShouldBe("invalid_messages"));
        listening.Measured("gen_ai.client.operation.duration").Single().ShouldContain("error.type=invalid_messages");
        listening.Everything.ShouldNotContain("secret");
    }

    [Fact]
    public async Task An_embedding_tells_its_length_and_what_it_read()
    {
        using var listening = new Listening();
        await Client(RecordingHandler.Json("""{"id":"as-4","model":"e-1","data":[{"index":0,"embedding":[1,2,3]}],"usage":{"prompt_tokens":7,"total_tokens":7}}"""))
            .Embeddings.CreateAsync(new EmbeddingRequest { Model = "embedding-v1", Input = ["secret"] }, Given.Token);

        var activity = listening.Activities.Single();
        activity.DisplayName.ShouldBe("embeddings embedding-v1");
        Tags(activity.TagObjects).ShouldBe(
            [
                "gen_ai.embeddings.dimension.count=3", "gen_ai.operation.name=embeddings", "gen_ai.provider.name=qianfan", "gen_ai.request.model=embedding-v1", "gen_ai.response.model=e-1",
                "gen_ai.usage.input_tokens=7", "server.address=platform.test", "server.port=8866",
            ]);
        listening.Measured("gen_ai.client.token.usage").Single().ShouldContain("gen_ai.token.type=input");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Calls_of_the_first_generation_are_told_alike(bool streamed)
    {
        using var listening = new Listening();
        const string Piece = """{"id":"as-5","result":"secret","is_end":true,"finish_reason":"normal","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}""";
        var client = new QianfanClient(Bearer() with { AccessToken = "t", BaseUrl = "http://v1.test" }, new HttpClient(new RecordingHandler(streamed ? RecordingHandler.Events(Piece) : RecordingHandler.Json(Piece))));
        var request = new V1ChatRequest { Messages = [V1ChatMessage.User("secret")] };

        _ = streamed ? (object)await client.V1.Chat.StreamAsync("ep", request, Given.Token).Take(1).ToListAsync(Given.Token) : await client.V1.Chat.CompleteAsync("ep", request, Given.Token);

        var activity = listening.Activities.Single();
        activity.DisplayName.ShouldBe("chat ep");
        Tags(activity.TagObjects).ShouldContain("gen_ai.response.finish_reasons=normal");
        Tags(activity.TagObjects).ShouldContain("gen_ai.usage.output_tokens=2");
        Tags(activity.TagObjects).ShouldContain("server.address=v1.test");
        listening.Everything.ShouldNotContain("secret");
    }

    [Fact]
    public async Task The_actions_of_a_pipeline_stand_below_it()
    {
        using var listening = new Listening();
        var finetune = Given.Finetune(Given.Client(new ScriptedPlatform()));

        await finetune.RunAsync(cancellationToken: Given.Token);

        var pipeline = listening.Activities.Single(a => a.DisplayName == "Pipeline");
        var actions = listening.Activities.Where(a => a != pipeline).ToList();
        actions.Select(a => a.DisplayName).ShouldBe(["LoadDataSetAction", "TrainAction", "ModelPublishAction", "DeployAction"]);
        actions.ShouldAllBe(a => a.ParentSpanId == pipeline.SpanId && (string)a.GetTagItem("qianfan.action.outcome")! == "done");
    }

    [Fact]
    public async Task A_failed_action_and_a_stopped_one_are_told_apart()
    {
        using var listening = new Listening();
        await Should.ThrowAsync<QianfanException>(() => new OneAction(_ => throw new QianfanException("secret")).ExecAsync(cancellationToken: Given.Token));
        await Should.ThrowAsync<ActionStoppedException>(() => new OneAction(_ => throw new ActionStoppedException("stopped")).ExecAsync(cancellationToken: Given.Token));

        listening.Activities.Select(a => (a.GetTagItem("qianfan.action.outcome"), a.Status)).ShouldBe([("error", ActivityStatusCode.Error), ("stopped", ActivityStatusCode.Unset)]);
        listening.Everything.ShouldNotContain("secret");
    }

    [Fact]
    public void Nobody_listening_nothing_is_made()
    {
        var chunks = AsyncEnumerable.Empty<ChatCompletionChunk>();
        InferenceOperation.Watch("chat", "m", s_question, "http://a.test", TimeProvider.System, chunks).ShouldBeSameAs(chunks);
        var answer = Task.FromResult(new ChatCompletion());
        InferenceOperation.RunAsync("chat", "m", s_question, "http://a.test", TimeProvider.System, () => answer).ShouldBeSameAs(answer);
    }

    private static QianfanOptions Bearer() => Given.Options() with { AccessKey = null, SecretKey = null, BearerToken = "secret-token" };

    private static QianfanClient Client(params Func<HttpResponseMessage>[] answers) => new(Bearer(), new HttpClient(new RecordingHandler(answers)));

    private static List<string> Tags(IEnumerable<KeyValuePair<string, object?>> tags) =>
        [.. tags.Select(t => FormattableString.Invariant($"{t.Key}={(t.Value is string[] values ? string.Join(',', values) : t.Value)}")).Order(StringComparer.Ordinal)];

    private sealed class OneAction(Func<JsonObject, JsonObject> work) : BaseAction
    {
        protected override Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken) => Task.FromResult(work(input));
    }

    private sealed class WaitingHandler(FakeTimeProvider time, TimeSpan wait, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            time.Advance(wait);
            return base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>Hears all activities and measurements of the library.</summary>
    private sealed class Listening : IDisposable
    {
        private readonly ActivityListener _activities;
        private readonly MeterListener _meters = new();
        private readonly ConcurrentQueue<(string Instrument, string Text)> _measured = new();

        public Listening()
        {
            _activities = new ActivityListener
            {
                ShouldListenTo = source => source.Name == QianfanTelemetry.SourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = Activities.Add,
            };
            ActivitySource.AddActivityListener(_activities);
            _meters.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == QianfanTelemetry.SourceName)
                {
                    Instruments[instrument.Name] = instrument;
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Hear(instrument, value, tags));
            _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Hear(instrument, value, tags));
            _meters.Start();
        }

        public List<Activity> Activities { get; } = [];

        public Dictionary<string, Instrument> Instruments { get; } = [];

        public string Everything => string.Join('\n', Activities.SelectMany(a => Tags(a.TagObjects).Append(a.DisplayName).Append(a.StatusDescription)).Concat(_measured.Select(m => m.Text)));

        public List<string> Measured(string instrument) => [.. _measured.Where(m => m.Instrument == instrument).Select(m => m.Text)];

        public void Dispose()
        {
            _activities.Dispose();
            _meters.Dispose();
        }

        private void Hear<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            _measured.Enqueue((instrument.Name, FormattableString.Invariant($"{value} {string.Join(' ', Tags(tags.ToArray()))}")));
    }
}
