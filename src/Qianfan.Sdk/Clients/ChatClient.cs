using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk;

/// <summary>Chat over inference V2 (<c>/v2/chat/completions</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class ChatClient
{
    private static readonly RecordAnswer<ChatCompletion> s_answer = new(QianfanJson.Wire.ChatCompletion, "chat");
    private static readonly RecordAnswer<ChatCompletionChunk> s_chunk = new(QianfanJson.Wire.ChatCompletionChunk, "chat");
    private readonly QianfanTransport _transport;
    private readonly InferenceRoute _route;
    private readonly Func<ChatCompletionRequest, ChatCompletionRequest> _body;

    internal ChatClient(QianfanTransport transport) : this(transport, transport.Options.ChatV2Route, static request => request)
    {
    }

    /// <summary>Asks at another route.</summary>
    /// <param name="transport">The way to the platform.</param>
    /// <param name="path">The route.</param>
    /// <param name="body">What is sent there for a request.</param>
    internal ChatClient(QianfanTransport transport, string path, Func<ChatCompletionRequest, ChatCompletionRequest> body)
    {
        _transport = transport;
        _route = InferenceRoute.V2(transport, path);
        _body = body;
    }

    /// <summary>Asks and waits for the whole answer.</summary>
    public Task<ChatCompletion> CompleteAsync(ChatCompletionRequest request, CancellationToken cancellationToken = default) => CompleteAsAsync("chat", request, cancellationToken);

    /// <summary>Asks and gives the answer piece by piece. Only the opening of the stream is retried. Ending the enumeration early ends the generation.</summary>
    /// <exception cref="QianfanRequestException">The stream broke before the answer was complete; the pieces so far are valid.</exception>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(ChatCompletionRequest request, CancellationToken cancellationToken = default) => StreamAs("chat", request, cancellationToken);

    /// <summary>Asks under another name of the operation, for those who watch.</summary>
    internal Task<ChatCompletion> CompleteAsAsync(string operation, ChatCompletionRequest request, CancellationToken cancellationToken)
    {
        request = request with { Stream = false, StreamOptions = null };
        return InferenceOperation.RunAsync(operation, request.Model, request, _transport.Options.ConsoleBaseUrl, _transport.Time, () => SendAsync(request, cancellationToken));
    }

    /// <inheritdoc cref="CompleteAsAsync"/>
    internal IAsyncEnumerable<ChatCompletionChunk> StreamAs(string operation, ChatCompletionRequest request, CancellationToken cancellationToken)
    {
        request = request with { Stream = true };
        return InferenceOperation.Watch(operation, request.Model, request, _transport.Options.ConsoleBaseUrl, _transport.Time, ReadAsync(request, cancellationToken));
    }

    private async Task<ChatCompletion> SendAsync(ChatCompletionRequest request, CancellationToken cancellationToken)
    {
        var call = Call(request);
        var answer = await _transport.SendAsync(call, s_answer, cancellationToken).ConfigureAwait(false);
        _transport.Limits?.Settle(call.Cost, answer.Usage?.TotalTokens);
        return answer;
    }

    private async IAsyncEnumerable<ChatCompletionChunk> ReadAsync(ChatCompletionRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var call = Call(request);
        using var response = await _transport.OpenEventStreamAsync(call, cancellationToken).ConfigureAwait(false);
        var complete = false;
        SseItemParser<ChatCompletionChunk?> parse = (_, data) => IsDone(data) ? null : s_chunk.Read(data, response, _transport.Errors);
        await foreach (var item in _transport.ReadEventsAsync(response, parse, cancellationToken).ConfigureAwait(false))
        {
            if (item.Data is not { } chunk)
            {
                yield break;
            }

            complete |= IsLast(chunk);
            _transport.Limits?.Settle(call.Cost, chunk.Usage?.TotalTokens);
            yield return chunk;
        }

        if (!complete)
        {
            throw new QianfanRequestException("The stream ended before the answer was complete.");
        }
    }

    private static bool IsDone(ReadOnlySpan<byte> data) => data.Trim((byte)' ').SequenceEqual("[DONE]"u8);

    private static bool IsLast(ChatCompletionChunk chunk)
    {
        for (var i = 0; i < chunk.Choices.Count; i++)
        {
            if (chunk.Choices[i] is { FinishReason.Length: > 0 } or { IsEnd: true })
            {
                return true;
            }
        }

        return false;
    }

    private static int Estimate(ChatCompletionRequest request) => request.Messages.Sum(m => RateLimits.Estimate(m.Content)) + (request.MaxCompletionTokens ?? 0);

    private QianfanCall Call(ChatCompletionRequest request) => _route.Post(_body(request), QianfanJson.Wire.ChatCompletionRequest, _ => Estimate(request));
}
