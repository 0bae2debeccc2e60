using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>The way into a Qianfan platform: Baidu's cloud or a self-hosted one. Thread-safe; one instance serves all callers with the same credentials, and counts their calls together against the limits of its options. Disposes the <see cref="HttpClient"/> only if it made it.</summary>
public sealed class QianfanClient : IDisposable
{
    private readonly QianfanTransport _transport;
    private readonly HttpClient _http;
    private readonly bool _ownsHttp;

    /// <summary>Creates a client with a connection of its own, which goes when the client is disposed.</summary>
    /// <param name="options">Addresses, credentials, patience; a copy is taken.</param>
    /// <param name="timeProvider">Clock for signatures, waits and timeouts; the system's when null.</param>
    /// <exception cref="InvalidArgumentException">The options make no sense.</exception>
    public QianfanClient(QianfanOptions options, TimeProvider? timeProvider = null)
        : this(options, new HttpClient(QianfanHttp.CreateHandler(options)) { Timeout = Timeout.InfiniteTimeSpan }, timeProvider) => _ownsHttp = true;

    /// <summary>Creates a client.</summary>
    /// <param name="options">Addresses, credentials, patience; a copy is taken.</param>
    /// <param name="httpClient">Sends the requests; the caller disposes it. Its own timeout should be longer than the options' timeouts, or infinite. It should stand on <see cref="QianfanHttp.CreateHandler"/>: a handler that follows redirections carries credentials elsewhere.</param>
    /// <param name="timeProvider">Clock for signatures, waits and timeouts; the system's when null.</param>
    /// <exception cref="InvalidArgumentException">The options make no sense.</exception>
    public QianfanClient(QianfanOptions options, HttpClient httpClient, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(httpClient);
        options.Validate();
        _http = httpClient;
        _transport = new QianfanTransport(options.Copy(), httpClient, timeProvider ?? TimeProvider.System);
        Datasets = new DatasetsClient(_transport);
        DatasetsV2 = new DatasetsV2Client(_transport);
        Files = new FilesClient(_transport);
        FineTuning = new FineTuningClient(_transport);
        Models = new ModelsClient(_transport);
        Services = new ServicesClient(_transport);
        Usage = new UsageClient(_transport);
        Chat = new ChatClient(_transport);
        Completions = new CompletionsClient(_transport, Chat);
        Embeddings = new EmbeddingsClient(_transport);
        Bos = new BosClient(_transport);
        V1 = new V1Client(_transport);
    }

    /// <summary>The options that the client was made with. Not to be changed.</summary>
    public QianfanOptions Options => _transport.Options;

    /// <summary>Clock of the client.</summary>
    public TimeProvider Time => _transport.Time;

    /// <summary>Datasets (console V1).</summary>
    public DatasetsClient Datasets { get; }

    /// <summary>Datasets and their versions (console V2).</summary>
    public DatasetsV2Client DatasetsV2 { get; }

    /// <summary>File upload (our platform).</summary>
    public FilesClient Files { get; }

    /// <summary>Fine-tuning jobs and tasks (console V2).</summary>
    public FineTuningClient FineTuning { get; }

    /// <summary>Model sets and versions (console V1 and V2).</summary>
    public ModelsClient Models { get; }

    /// <summary>Services (console V2).</summary>
    public ServicesClient Services { get; }

    /// <summary>What was used (our platform).</summary>
    public UsageClient Usage { get; }

    /// <summary>Chat (inference V2).</summary>
    public ChatClient Chat { get; }

    /// <summary>Completion of a prompt (inference V2).</summary>
    public CompletionsClient Completions { get; }

    /// <summary>Embeddings (inference V2).</summary>
    public EmbeddingsClient Embeddings { get; }

    /// <summary>The seed's generation of the interfaces, for self-hosted platforms.</summary>
    public V1Client V1 { get; }

    /// <summary>Baidu's object storage, through which rows reach the cloud.</summary>
    public BosClient Bos { get; }

    /// <summary>Disposes the connection if the client made it. Calls under way end with an error.</summary>
    public void Dispose()
    {
        if (_ownsHttp)
        {
            _http.Dispose();
        }
    }
}
