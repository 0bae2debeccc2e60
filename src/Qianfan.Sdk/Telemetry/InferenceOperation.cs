using System.Diagnostics;
using System.Runtime.CompilerServices;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Telemetry;

/// <summary>One call of a model: its activity and its measurements. Ends when it is disposed.</summary>
internal sealed class InferenceOperation : IDisposable
{
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly Activity? _activity;
    private readonly TagList _tags;
    private string? _responseModel;
    private string? _error;
    private TokenUsage? _usage;
    private string? _answerId;
    private SortedDictionary<int, string>? _finishReasons;
    private long? _lastChunk;

    private InferenceOperation(string operation, string model, string address, TimeProvider time)
    {
        _time = time;
        _tags = new TagList { { "gen_ai.operation.name", operation }, { "gen_ai.provider.name", QianfanTelemetry.ProviderName }, { "gen_ai.request.model", model } };
        if (Uri.TryCreate(address, UriKind.Absolute, out var uri))
        {
            _tags.Add("server.address", uri.Host);
            _tags.Add("server.port", uri.Port);
        }

        _activity = QianfanTelemetry.Source.StartActivity($"{operation} {model}", ActivityKind.Client, default(ActivityContext), _tags);
        _start = time.GetTimestamp();
    }

    private InferenceOperation(string operation, ChatCompletionRequest request, QianfanOptions options, TimeProvider time)
        : this(operation, request.Model, options.ConsoleBaseUrl, time)
    {
        if (_activity is { IsAllDataRequested: true })
        {
            _activity.SetTag("gen_ai.request.temperature", request.Temperature);
            _activity.SetTag("gen_ai.request.top_p", request.TopP);
            _activity.SetTag("gen_ai.request.top_k", request.TopK);
            _activity.SetTag("gen_ai.request.frequency_penalty", request.FrequencyPenalty);
            _activity.SetTag("gen_ai.request.presence_penalty", request.PresencePenalty);
            _activity.SetTag("gen_ai.request.max_tokens", request.MaxCompletionTokens);
            _activity.SetTag("gen_ai.request.seed", request.Seed);
            _activity.SetTag("gen_ai.request.stream", request.Stream ? true : null);
        }
    }

    /// <summary>Begins a chat or a completion; null when nobody listens.</summary>
    public static InferenceOperation? Start(string name, ChatCompletionRequest request, QianfanOptions options, TimeProvider time) =>
        IsHeard ? new InferenceOperation(name, request, options, time) : null;

    /// <summary>Watches a streamed chat or completion go by; it begins when the first chunk is asked for.</summary>
    public static IAsyncEnumerable<ChatCompletionChunk> Watch(string name, ChatCompletionRequest request, QianfanOptions options, TimeProvider time, IAsyncEnumerable<ChatCompletionChunk> chunks) =>
        IsHeard ? WatchAsync(name, request, options, time, chunks) : chunks;

    /// <summary>Begins an embedding; null when nobody listens.</summary>
    public static InferenceOperation? Start(EmbeddingRequest request, QianfanOptions options, TimeProvider time) =>
        IsHeard ? new InferenceOperation("embeddings", request.Model, options.ConsoleBaseUrl, time) : null;

    private static bool IsHeard =>
        QianfanTelemetry.Source.HasListeners() || QianfanTelemetry.Duration.Enabled || QianfanTelemetry.TokenUsage.Enabled
        || QianfanTelemetry.TimeToFirstChunk.Enabled || QianfanTelemetry.TimePerOutputChunk.Enabled;

    public void Answered(ChatCompletion answer)
    {
        Answered(answer.Id, answer.Model, answer.Usage);
        foreach (var choice in answer.Choices)
        {
            Finished(choice.Index, choice.FinishReason);
        }
    }

    public void Answered(EmbeddingResponse answer)
    {
        Answered(null, answer.Model, answer.Usage);
        if (answer.Data.Count > 0)
        {
            _activity?.SetTag("gen_ai.embeddings.dimension.count", answer.Data[0].Embedding.Count);
        }
    }

    public void Failed(Exception error) => _error = TelemetryErrors.TypeOf(error);

    public void Dispose()
    {
        var tags = _tags;
        if (_responseModel is not null)
        {
            tags.Add("gen_ai.response.model", _responseModel);
        }

        if (_usage is not null)
        {
            RecordTokens(tags, "input", _usage.PromptTokens);
            if (_tags[0].Value is not "embeddings")
            {
                RecordTokens(tags, "output", _usage.CompletionTokens);
            }
        }

        if (_error is not null)
        {
            tags.Add("error.type", _error);
        }

        QianfanTelemetry.Duration.Record(_time.GetElapsedTime(_start).TotalSeconds, tags);
        EndActivity();
    }

    private static async IAsyncEnumerable<ChatCompletionChunk> WatchAsync(
        string name,
        ChatCompletionRequest request,
        QianfanOptions options,
        TimeProvider time,
        IAsyncEnumerable<ChatCompletionChunk> chunks,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var operation = new InferenceOperation(name, request, options, time);
        var enumerator = chunks.GetAsyncEnumerator(cancellationToken);
        await using (enumerator.ConfigureAwait(false))
        {
            while (await operation.NextAsync(enumerator).ConfigureAwait(false))
            {
                operation.Answered(enumerator.Current);
                yield return enumerator.Current;
            }
        }
    }

    private static void RecordTokens(TagList tags, string type, int count)
    {
        tags.Add("gen_ai.token.type", type);
        QianfanTelemetry.TokenUsage.Record(count, tags);
    }

    private async ValueTask<bool> NextAsync(IAsyncEnumerator<ChatCompletionChunk> chunks)
    {
        try
        {
            // An iterator goes on in its consumer's context; what it awaits belongs to this call all the same.
            Activity.Current = _activity ?? Activity.Current;

            return await chunks.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Failed(e);
            throw;
        }
    }

    private void Answered(ChatCompletionChunk chunk)
    {
        var now = _time.GetTimestamp();
        Answered(chunk.Id, chunk.Model, chunk.Usage);
        var tags = _tags;
        if (_responseModel is not null)
        {
            tags.Add("gen_ai.response.model", _responseModel);
        }

        if (_lastChunk is { } last)
        {
            QianfanTelemetry.TimePerOutputChunk.Record(_time.GetElapsedTime(last, now).TotalSeconds, tags);
        }
        else
        {
            var wait = _time.GetElapsedTime(_start, now).TotalSeconds;
            QianfanTelemetry.TimeToFirstChunk.Record(wait, tags);
            _activity?.SetTag("gen_ai.response.time_to_first_chunk", wait);
        }

        _lastChunk = now;
        foreach (var choice in chunk.Choices)
        {
            Finished(choice.Index, choice.FinishReason);
        }
    }

    private void Answered(string? id, string? model, TokenUsage? usage)
    {
        _answerId ??= id;
        _responseModel ??= model;
        _usage = usage ?? _usage;
    }

    private void Finished(int index, string? reason)
    {
        if (reason is { Length: > 0 })
        {
            (_finishReasons ??= [])[index] = reason;
        }
    }

    private void EndActivity()
    {
        if (_activity is null)
        {
            return;
        }

        _activity.SetTag("gen_ai.response.id", _answerId);
        _activity.SetTag("gen_ai.response.model", _responseModel);
        _activity.SetTag("gen_ai.response.finish_reasons", _finishReasons?.Values.ToArray());
        _activity.SetTag("gen_ai.usage.input_tokens", _usage?.PromptTokens);
        _activity.SetTag("gen_ai.usage.output_tokens", _tags[0].Value is "embeddings" ? null : _usage?.CompletionTokens);
        if (_error is not null)
        {
            // Without a description: the platform's messages may quote the prompt.
            _activity.SetTag("error.type", _error);
            _activity.SetStatus(ActivityStatusCode.Error);
        }

        _activity.Dispose();
    }
}
