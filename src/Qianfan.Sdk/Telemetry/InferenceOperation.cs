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

    private InferenceOperation(string name, string model, object request, string address, TimeProvider time)
    {
        _time = time;
        _tags = new TagList { { "gen_ai.operation.name", name }, { "gen_ai.provider.name", QianfanTelemetry.ProviderName }, { "gen_ai.request.model", model } };
        if (Uri.TryCreate(address, UriKind.Absolute, out var uri))
        {
            _tags.Add("server.address", uri.Host);
            _tags.Add("server.port", uri.Port);
        }

        _activity = QianfanTelemetry.Source.StartActivity($"{name} {model}", ActivityKind.Client, default(ActivityContext), _tags);
        _start = time.GetTimestamp();
        if (_activity is { IsAllDataRequested: true })
        {
            Asked(_activity, request);
        }
    }

    private static bool IsHeard =>
        QianfanTelemetry.Source.HasListeners() || QianfanTelemetry.Duration.Enabled || QianfanTelemetry.TokenUsage.Enabled
        || QianfanTelemetry.TimeToFirstChunk.Enabled || QianfanTelemetry.TimePerOutputChunk.Enabled;

    private bool HasOutput => _tags[0].Value is not "embeddings";

    /// <summary>Makes a call whose answer comes as a whole.</summary>
    public static Task<T> RunAsync<T>(string name, string model, object request, string address, TimeProvider time, Func<Task<T>> call)
        where T : class => IsHeard ? WatchAsync(name, model, request, address, time, call) : call();

    /// <summary>Watches an answer that comes in pieces; it begins when the first is asked for.</summary>
    public static IAsyncEnumerable<T> Watch<T>(string name, string model, object request, string address, TimeProvider time, IAsyncEnumerable<T> chunks)
        where T : class => IsHeard ? WatchAsync(name, model, request, address, time, chunks) : chunks;

    public void Dispose()
    {
        var tags = Tags();
        if (_usage is not null)
        {
            RecordTokens(tags, "input", _usage.PromptTokens);
            if (HasOutput)
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

    private static async Task<T> WatchAsync<T>(string name, string model, object request, string address, TimeProvider time, Func<Task<T>> call)
        where T : class
    {
        using var operation = new InferenceOperation(name, model, request, address, time);
        try
        {
            var answer = await call().ConfigureAwait(false);
            operation.Answered(answer);
            return answer;
        }
        catch (Exception e)
        {
            operation._error = TelemetryErrors.TypeOf(e);
            throw;
        }
    }

    private static async IAsyncEnumerable<T> WatchAsync<T>(
        string name,
        string model,
        object request,
        string address,
        TimeProvider time,
        IAsyncEnumerable<T> chunks,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
        where T : class
    {
        using var operation = new InferenceOperation(name, model, request, address, time);
        var enumerator = chunks.GetAsyncEnumerator(cancellationToken);
        await using (enumerator.ConfigureAwait(false))
        {
            while (await operation.NextAsync(enumerator).ConfigureAwait(false))
            {
                operation.Received(enumerator.Current);
                yield return enumerator.Current;
            }
        }
    }

    private static void Asked(Activity activity, object request)
    {
        switch (request)
        {
            case ChatCompletionRequest chat:
                activity.SetTag("gen_ai.request.temperature", chat.Temperature);
                activity.SetTag("gen_ai.request.top_p", chat.TopP);
                activity.SetTag("gen_ai.request.top_k", chat.TopK);
                activity.SetTag("gen_ai.request.frequency_penalty", chat.FrequencyPenalty);
                activity.SetTag("gen_ai.request.presence_penalty", chat.PresencePenalty);
                activity.SetTag("gen_ai.request.max_tokens", chat.MaxCompletionTokens);
                activity.SetTag("gen_ai.request.seed", chat.Seed);
                activity.SetTag("gen_ai.request.stream", chat.Stream ? true : null);
                break;
            case V1ChatRequest chat:
                activity.SetTag("gen_ai.request.temperature", chat.Temperature);
                activity.SetTag("gen_ai.request.top_p", chat.TopP);
                activity.SetTag("gen_ai.request.max_tokens", chat.MaxOutputTokens);
                activity.SetTag("gen_ai.request.stream", chat.Stream ? true : null);
                break;
            case V1CompletionRequest completion:
                activity.SetTag("gen_ai.request.temperature", completion.Temperature);
                activity.SetTag("gen_ai.request.top_p", completion.TopP);
                activity.SetTag("gen_ai.request.stream", completion.Stream ? true : null);
                break;
        }
    }

    private static void RecordTokens(TagList tags, string type, int count)
    {
        tags.Add("gen_ai.token.type", type);
        QianfanTelemetry.TokenUsage.Record(count, tags);
    }

    private async ValueTask<bool> NextAsync<T>(IAsyncEnumerator<T> chunks)
    {
        try
        {
            // An iterator goes on in its consumer's context; what it awaits belongs to this call all the same.
            Activity.Current = _activity ?? Activity.Current;
            return await chunks.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _error = TelemetryErrors.TypeOf(e);
            throw;
        }
    }

    private void Received(object chunk)
    {
        var now = _time.GetTimestamp();
        Answered(chunk);
        if (_lastChunk is { } last)
        {
            QianfanTelemetry.TimePerOutputChunk.Record(_time.GetElapsedTime(last, now).TotalSeconds, Tags());
        }
        else
        {
            var wait = _time.GetElapsedTime(_start, now).TotalSeconds;
            QianfanTelemetry.TimeToFirstChunk.Record(wait, Tags());
            _activity?.SetTag("gen_ai.response.time_to_first_chunk", wait);
        }

        _lastChunk = now;
    }

    private void Answered(object answer)
    {
        switch (answer)
        {
            case ChatCompletion chat:
                Answered(chat.Id, chat.Model, chat.Usage);
                foreach (var choice in chat.Choices)
                {
                    Finished(choice.Index, choice.FinishReason);
                }

                break;
            case ChatCompletionChunk chunk:
                Answered(chunk.Id, chunk.Model, chunk.Usage);
                foreach (var choice in chunk.Choices)
                {
                    Finished(choice.Index, choice.FinishReason);
                }

                break;
            case EmbeddingResponse embeddings:
                Answered(null, embeddings.Model, embeddings.Usage);
                _activity?.SetTag("gen_ai.embeddings.dimension.count", embeddings.Data.Count > 0 ? embeddings.Data[0].Embedding.Count : null);
                break;
            case V1ChatResponse chat:
                Answered(chat.Id, null, chat.Usage);
                Finished(0, chat.FinishReason);
                break;
            case V1CompletionResponse completion:
                Answered(completion.Id, null, completion.Usage);
                break;
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

    private TagList Tags()
    {
        var tags = _tags;
        if (_responseModel is not null)
        {
            tags.Add("gen_ai.response.model", _responseModel);
        }

        return tags;
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
        _activity.SetTag("gen_ai.usage.output_tokens", HasOutput ? _usage?.CompletionTokens : null);
        if (_error is not null)
        {
            // Without a description: the platform's messages may quote the prompt.
            _activity.SetTag("error.type", _error);
            _activity.SetStatus(ActivityStatusCode.Error);
        }

        _activity.Dispose();
    }
}
