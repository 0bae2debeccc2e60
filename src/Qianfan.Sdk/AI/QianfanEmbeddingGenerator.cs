using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk.AI;

/// <summary>Inference V2 embeddings as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>. Thread-safe; owns nothing.</summary>
internal sealed class QianfanEmbeddingGenerator(QianfanClient client, string model, int? dimensions) : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly EmbeddingGeneratorMetadata _metadata = new(QianfanTelemetry.ProviderName, new Uri(client.Options.ConsoleBaseUrl), model, dimensions);

    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } wanted && wanted != dimensions)
        {
            throw new NotSupportedException("The length of a vector is the model's; leave Dimensions out.");
        }

        IReadOnlyList<string> input = [.. values];
        if (input.Count == 0)
        {
            return [];
        }

        var request = options?.RawRepresentationFactory?.Invoke(this) is EmbeddingRequest own
            ? own with { Input = input }
            : new EmbeddingRequest { Model = options?.ModelId ?? model, Input = input };
        AdditionalMembers.Apply(request, options?.AdditionalProperties);
        var response = await client.Embeddings.CreateAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.Data.Count != input.Count)
        {
            throw new QianfanRequestException($"The platform gave {response.Data.Count} vectors for {input.Count} texts.");
        }

        var createdAt = ChatResponses.Time(response.Created);
        return new(response.Data.OrderBy(item => item.Index).Select(item => new Embedding<float>(item.Embedding.ToArray())
        {
            CreatedAt = createdAt,
            ModelId = response.Model ?? request.Model,
        }))
        {
            Usage = ChatResponses.Usage(response.Usage),
        };
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(client) ? client
            : serviceType.IsInstanceOfType(client.Embeddings) ? client.Embeddings
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    public void Dispose()
    {
        // The client is the caller's.
    }
}
