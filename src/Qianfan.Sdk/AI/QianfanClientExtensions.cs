using Microsoft.Extensions.AI;
using Qianfan.Sdk.AI;

namespace Qianfan.Sdk;

/// <summary>Qianfan's models behind the interfaces of Microsoft.Extensions.AI.</summary>
public static class QianfanClientExtensions
{
    /// <summary>Chat as an <see cref="IChatClient"/>: streaming, function calling, JSON answers. Thread-safe. Disposing it does nothing; the client stays the caller's.</summary>
    /// <remarks>
    /// Messages may hold text, function calls and function results; for other content, tools that aren't functions, and a conversation id it raises <see cref="NotSupportedException"/>.
    /// Additional properties go into the body under their names (<c>penalty_score</c>, <c>user</c>, <c>web_search</c> ...). <see cref="ChatOptions.RawRepresentationFactory"/> may give a <see cref="Protocol.ChatCompletionRequest"/>: what it sets is kept, its messages are replaced.
    /// Errors are those of <see cref="ChatClient"/>.
    /// </remarks>
    /// <param name="client">The way to the platform.</param>
    /// <param name="model">Model name, or the endpoint of a service; used unless <see cref="ChatOptions.ModelId"/> is set.</param>
    public static IChatClient AsIChatClient(this QianfanClient client, string model)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(model);
        return new QianfanChatClient(client, model);
    }

    /// <summary>Embeddings as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>. Thread-safe. Disposing it does nothing; the client stays the caller's.</summary>
    /// <remarks>All texts of a call go out in one request. Another length than the model's raises <see cref="NotSupportedException"/>. Errors are those of <see cref="EmbeddingsClient"/>.</remarks>
    /// <param name="client">The way to the platform.</param>
    /// <param name="model">Model name, or the endpoint of a service; used unless <see cref="EmbeddingGenerationOptions.ModelId"/> is set.</param>
    /// <param name="dimensions">Length of the model's vectors, told to those who ask for the metadata; not sent.</param>
    public static IEmbeddingGenerator<string, Embedding<float>> AsIEmbeddingGenerator(this QianfanClient client, string model, int? dimensions = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(model);
        return new QianfanEmbeddingGenerator(client, model, dimensions);
    }
}
