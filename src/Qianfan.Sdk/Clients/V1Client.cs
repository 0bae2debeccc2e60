using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>The seed's generation of the interfaces (<see cref="ApiVersion.V1"/>), for self-hosted platforms: Baidu switched V1 inference off in August 2026. Thread-safe. Datasets and models are the same in both generations: <see cref="QianfanClient.Datasets"/>, <see cref="QianfanClient.Models"/>.</summary>
public sealed class V1Client
{
    internal V1Client(QianfanTransport transport)
    {
        FineTuning = new V1FineTuningClient(transport);
        Services = new V1ServicesClient(transport);
        Evaluations = new V1EvaluationsClient(transport);
        Chat = new V1ChatClient(transport, Services);
        Completions = new V1CompletionsClient(transport, Services);
        Embeddings = new V1EmbeddingsClient(transport, Services);
    }

    /// <summary>Fine-tuning tasks and jobs.</summary>
    public V1FineTuningClient FineTuning { get; }

    /// <summary>Services.</summary>
    public V1ServicesClient Services { get; }

    /// <summary>Evaluation of models.</summary>
    public V1EvaluationsClient Evaluations { get; }

    /// <summary>Chat.</summary>
    public V1ChatClient Chat { get; }

    /// <summary>Completion of a prompt by models that are not chat models.</summary>
    public V1CompletionsClient Completions { get; }

    /// <summary>Embeddings.</summary>
    public V1EmbeddingsClient Embeddings { get; }
}
