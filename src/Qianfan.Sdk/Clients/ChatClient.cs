using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk;

/// <summary>Chat over inference V2 (<c>/v2/chat/completions</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class ChatClient
{
    private readonly QianfanTransport _transport;

    internal ChatClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Asks and waits for the whole answer.</summary>
    public Task<ChatCompletion> CompleteAsync(ChatCompletionRequest request, CancellationToken cancellationToken = default) => CompleteAsAsync("chat", request, cancellationToken);

    /// <summary>Asks and gives the answer piece by piece. Only the opening of the stream is retried. Ending the enumeration early ends the generation.</summary>
    /// <exception cref="QianfanRequestException">The stream broke before the answer was complete; the pieces so far are valid.</exception>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(ChatCompletionRequest request, CancellationToken cancellationToken = default) => StreamAs("chat", request, cancellationToken);

    /// <summary>Asks under another name of the operation, for those who watch.</summary>
    internal async Task<ChatCompletion> CompleteAsAsync(string operationName, ChatCompletionRequest request, CancellationToken cancellationToken)
    {
        request = request with { Stream = false, StreamOptions = null };
        using var operation = InferenceOperation.Start(operationName, request, _transport.Options, _transport.Time);
        try
        {
            using var document = await _transport.SendAsync(Call(request), cancellationToken).ConfigureAwait(false);
            var answer = QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.ChatCompletion, "chat");
            operation?.Answered(answer);
            return answer;
        }
        catch (Exception e)
        {
            operation?.Failed(e);
            throw;
        }
    }

    /// <inheritdoc cref="CompleteAsAsync"/>
    internal IAsyncEnumerable<ChatCompletionChunk> StreamAs(string operationName, ChatCompletionRequest request, CancellationToken cancellationToken)
    {
        request = request with { Stream = true };
        return InferenceOperation.Watch(operationName, request, _transport.Options, _transport.Time, ReadAsync(request, cancellationToken));
    }

    private async IAsyncEnumerable<ChatCompletionChunk> ReadAsync(ChatCompletionRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await _transport.OpenEventStreamAsync(Call(request), cancellationToken).ConfigureAwait(false);
        var complete = false;
        await foreach (var item in _transport.ReadEventsAsync(response, cancellationToken).ConfigureAwait(false))
        {
            if (item.Data.Trim() == "[DONE]")
            {
                yield break;
            }

            var chunk = Parse(item.Data, response);
            complete |= chunk.Choices.Any(c => c.FinishReason is { Length: > 0 } || c.IsEnd == true);
            yield return chunk;
        }

        if (!complete)
        {
            throw new QianfanRequestException("The stream ended before the answer was complete.");
        }
    }

    private static ChatCompletionChunk Parse(string data, HttpResponseMessage response)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            if (ApiErrors.Find(document.RootElement, response) is { } error)
            {
                throw error;
            }

            return QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.ChatCompletionChunk, "chat");
        }
        catch (JsonException e)
        {
            throw new QianfanRequestException("A piece of the answer is no JSON.", HttpStatusCode.OK, e);
        }
    }

    private QianfanCall Call(ChatCompletionRequest request) => InferenceCalls.Post(_transport, "/v2/chat/completions", QianfanTransport.Json(request, QianfanJson.Wire.ChatCompletionRequest));
}
