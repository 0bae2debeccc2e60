using System.Runtime.CompilerServices;
using System.Text.Json;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Completion of a prompt. Our platform continues it as it stands (<c>/v2/completions</c>). The cloud's inference V2 has no route for it: as in the official SDK, the prompt goes to a chat model as one user message.
/// Answers have the form of chat's either way. Thread-safe.
/// </summary>
public sealed class CompletionsClient
{
    private const string Route = "/v2/completions";
    private readonly ChatClient _chat;

    internal CompletionsClient(QianfanTransport transport, ChatClient chat) =>
        _chat = transport.Options.PlatformExtensions ? new ChatClient(transport, Route, Prompt) : chat;

    /// <summary>Completes a prompt and waits for the whole text.</summary>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="template">Sampling settings; its model and messages are replaced.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public async Task<ChatCompletion> CompleteAsync(string model, string prompt, ChatCompletionRequest? template = null, CancellationToken cancellationToken = default)
    {
        var answer = await _chat.CompleteAsAsync("text_completion", Request(model, prompt, template), cancellationToken).ConfigureAwait(false);
        return answer with { Choices = [.. answer.Choices.Select(choice => choice.AsMessage())] };
    }

    /// <summary>Completes a prompt piece by piece; see <see cref="ChatClient.StreamAsync"/>.</summary>
    /// <param name="model">Model name, or the endpoint of a service.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="template">Sampling settings; its model and messages are replaced.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(string model, string prompt, ChatCompletionRequest? template = null, CancellationToken cancellationToken = default) =>
        AsMessagesAsync(_chat.StreamAs("text_completion", Request(model, prompt, template), cancellationToken), cancellationToken);

    private static async IAsyncEnumerable<ChatCompletionChunk> AsMessagesAsync(IAsyncEnumerable<ChatCompletionChunk> chunks, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var chunk in chunks.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            yield return chunk with { Choices = [.. chunk.Choices.Select(choice => choice.AsMessage())] };
        }
    }

    private static ChatCompletionRequest Request(string model, string prompt, ChatCompletionRequest? template)
    {
        IReadOnlyList<ChatMessage> messages = [ChatMessage.User(prompt)];
        return template is null ? new ChatCompletionRequest { Model = model, Messages = messages } : template with { Model = model, Messages = messages };
    }

    /// <summary>The body of a completion: a prompt in place of the messages.</summary>
    private static ChatCompletionRequest Prompt(ChatCompletionRequest request) => request with
    {
        Messages = [],
        Extra = new Dictionary<string, JsonElement>(request.Extra ?? new Dictionary<string, JsonElement>())
        {
            ["prompt"] = JsonSerializer.SerializeToElement(request.Messages[0].Content, QianfanJson.Wire.String),
        },
    };
}
