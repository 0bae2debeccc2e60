using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Completion of a prompt. Inference V2 has no route for it: as in the official SDK, the prompt goes to a chat model as one user message. Thread-safe.</summary>
public sealed class CompletionsClient
{
    private readonly ChatClient _chat;

    internal CompletionsClient(ChatClient chat) => _chat = chat;

    /// <summary>Completes a prompt and waits for the whole text.</summary>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="template">Sampling settings; its model and messages are replaced.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public Task<ChatCompletion> CompleteAsync(string model, string prompt, ChatCompletionRequest? template = null, CancellationToken cancellationToken = default) =>
        _chat.CompleteAsAsync("text_completion", Request(model, prompt, template), cancellationToken);

    /// <summary>Completes a prompt piece by piece; see <see cref="ChatClient.StreamAsync"/>.</summary>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="template">Sampling settings; its model and messages are replaced.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(string model, string prompt, ChatCompletionRequest? template = null, CancellationToken cancellationToken = default) =>
        _chat.StreamAs("text_completion", Request(model, prompt, template), cancellationToken);

    private static ChatCompletionRequest Request(string model, string prompt, ChatCompletionRequest? template)
    {
        IReadOnlyList<ChatMessage> messages = [ChatMessage.User(prompt)];
        return template is null ? new ChatCompletionRequest { Model = model, Messages = messages } : template with { Model = model, Messages = messages };
    }
}
