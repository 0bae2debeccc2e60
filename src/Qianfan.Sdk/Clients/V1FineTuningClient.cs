using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Fine-tuning over console V1 (<c>/wenxinworkshop/finetune/*</c>). A task holds jobs; a job is one training (V2 has the two names swapped). Ids are integers as text.
/// Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
/// <remarks>Seed: <c>qianfan.resources.FineTune</c>.</remarks>
public sealed class V1FineTuningClient
{
    private const string Root = "/wenxinworkshop/finetune/";
    private readonly QianfanTransport _transport;

    internal V1FineTuningClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates a task. Never repeated by itself after an unclear failure.</summary>
    public Task<V1CreateTaskResult> CreateTaskAsync(V1CreateTaskRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "createTask", null, request, QianfanJson.Wire.V1CreateTaskRequest, QianfanJson.Wire.V1CreateTaskResult, false, cancellationToken);

    /// <summary>Creates a job, which begins to train. Never repeated by itself after an unclear failure.</summary>
    public Task<V1CreateJobResult> CreateJobAsync(V1CreateJobRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "createJob", null, request, QianfanJson.Wire.V1CreateJobRequest, QianfanJson.Wire.V1CreateJobResult, false, cancellationToken);

    /// <summary>Tells all about a job.</summary>
    public Task<V1JobDetail> GetJobAsync(string taskId, string jobId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "jobDetail", null, new V1JobRequest { TaskId = taskId, JobId = jobId }, QianfanJson.Wire.V1JobRequest, QianfanJson.Wire.V1JobDetail, true, cancellationToken);

    /// <summary>Stops a job.</summary>
    /// <returns>False when there was nothing to stop.</returns>
    public Task<bool> StopJobAsync(string taskId, string jobId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "stopJob", null, new V1JobRequest { TaskId = taskId, JobId = jobId }, QianfanJson.Wire.V1JobRequest, QianfanJson.Wire.Boolean, true, cancellationToken);
}
