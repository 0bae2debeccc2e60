using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk.AI;

/// <summary>Inference V2 chat as an <see cref="IChatClient"/>. Thread-safe; owns nothing.</summary>
internal sealed class QianfanChatClient(QianfanClient client, string model) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new(QianfanTelemetry.ProviderName, new Uri(client.Options.ConsoleBaseUrl), model);

    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var request = ChatRequests.Create(this, model, messages, options);
        var completion = await client.Chat.CompleteAsync(request, cancellationToken).ConfigureAwait(false);
        return ChatResponses.Create(completion);
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var request = ChatRequests.Create(this, model, messages, options);
        request.StreamOptions ??= new Protocol.ChatStreamOptions { IncludeUsage = true };
        var stream = new ChatResponseStream();
        await foreach (var chunk in client.Chat.StreamAsync(request, cancellationToken).ConfigureAwait(false))
        {
            yield return stream.Next(chunk);
        }

        if (stream.FunctionCalls() is { } calls)
        {
            yield return calls;
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(client) ? client
            : serviceType.IsInstanceOfType(client.Chat) ? client.Chat
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    public void Dispose()
    {
        // The client is the caller's.
    }
}
