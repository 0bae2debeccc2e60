using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk;

/// <summary>Fine-tuning over console V2 (<c>/v2/finetuning</c>). A job holds tasks; a task is one training. Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class FineTuningClient
{
    private const string Path = "/v2/finetuning";
    private readonly QianfanTransport _transport;

    internal FineTuningClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates a job. Never repeated by itself after an unclear failure: look it up by its name.</summary>
    public Task<CreateFineTuningJobResult> CreateJobAsync(CreateFineTuningJobRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateFineTuningJob", request, QianfanJson.Wire.CreateFineTuningJobRequest, QianfanJson.Wire.CreateFineTuningJobResult, false, cancellationToken);

    /// <summary>Creates a task, which begins to train. Never repeated by itself after an unclear failure: look it up in its job.</summary>
    public Task<CreateFineTuningTaskResult> CreateTaskAsync(CreateFineTuningTaskRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateFineTuningTask", request, QianfanJson.Wire.CreateFineTuningTaskRequest, QianfanJson.Wire.CreateFineTuningTaskResult, false, cancellationToken);

    /// <summary>A page of jobs.</summary>
    public Task<FineTuningJobList> DescribeJobsAsync(DescribeFineTuningJobsRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeFineTuningJobs", request, QianfanJson.Wire.DescribeFineTuningJobsRequest, QianfanJson.Wire.FineTuningJobList, true, cancellationToken);

    /// <summary>A page of a job's tasks.</summary>
    public Task<FineTuningTaskList> DescribeTasksAsync(DescribeFineTuningTasksRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeFineTuningTasks", request, QianfanJson.Wire.DescribeFineTuningTasksRequest, QianfanJson.Wire.FineTuningTaskList, true, cancellationToken);

    /// <summary>Tells all about a task.</summary>
    public Task<FineTuningTask> DescribeTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeFineTuningTask", TaskId(taskId), QianfanJson.Wire.FineTuningTaskIdRequest, QianfanJson.Wire.FineTuningTask, true, cancellationToken);

    internal Task<(FineTuningTask Task, JsonElement Raw)> DescribeTaskRawAsync(string taskId, CancellationToken cancellationToken) =>
        _transport.ConsoleRawAsync(Path, "DescribeFineTuningTask", TaskId(taskId), QianfanJson.Wire.FineTuningTaskIdRequest, QianfanJson.Wire.FineTuningTask, cancellationToken);

    /// <summary>Stops a task.</summary>
    /// <returns>False when there was nothing to stop.</returns>
    public Task<bool> StopTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "StopFineTuningTask", TaskId(taskId), QianfanJson.Wire.FineTuningTaskIdRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Extension of our platform: a stopped or failed task goes on from its last checkpoint.</summary>
    public Task<bool> ResumeTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "ResumeFineTuningTask", TaskId(taskId), QianfanJson.Wire.FineTuningTaskIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Extension of our platform: moves a task that waits before or behind the owner's other ones.</summary>
    /// <param name="taskId">The task.</param>
    /// <param name="priority"><c>low</c>, <c>normal</c> or <c>high</c>.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public Task<bool> SetTaskPriorityAsync(string taskId, string priority, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "SetFineTuningTaskPriority", new SetFineTuningTaskPriorityRequest { TaskId = taskId, Priority = priority }, QianfanJson.Wire.SetFineTuningTaskPriorityRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Deletes a task with its checkpoints.</summary>
    public Task<bool> DeleteTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DeleteFineTuningTask", TaskId(taskId), QianfanJson.Wire.FineTuningTaskIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Deletes a job with its tasks.</summary>
    public Task<bool> DeleteJobAsync(string jobId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DeleteFineTuningJob", new FineTuningJobIdRequest { JobId = jobId }, QianfanJson.Wire.FineTuningJobIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>The base models that can be trained, with methods, limits and defaults.</summary>
    public Task<IReadOnlyList<SupportedModel>> DescribeSupportedModelsAsync(CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeFineTuningSupportModels", new JsonObject(), QianfanJson.Wire.JsonObject, QianfanJson.Wire.IReadOnlyListSupportedModel, true, cancellationToken);

    /// <summary>All jobs that match, page by page.</summary>
    public async IAsyncEnumerable<FineTuningJob> ListJobsAsync(DescribeFineTuningJobsRequest? filter = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = (filter ?? new DescribeFineTuningJobsRequest()) with { MaxKeys = 100 };
        while (true)
        {
            var page = await DescribeJobsAsync(request, cancellationToken).ConfigureAwait(false);
            foreach (var job in page.JobList)
            {
                yield return job;
            }

            if (NextMarker(page.PageInfo, request.Marker) is not { } marker)
            {
                yield break;
            }

            request = request with { Marker = marker };
        }
    }

    /// <summary>All tasks of a job, page by page.</summary>
    public async IAsyncEnumerable<FineTuningTask> ListTasksAsync(string jobId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = new DescribeFineTuningTasksRequest { JobId = jobId, MaxKeys = 100 };
        while (true)
        {
            var page = await DescribeTasksAsync(request, cancellationToken).ConfigureAwait(false);
            foreach (var task in page.TaskList)
            {
                yield return task;
            }

            if (NextMarker(page.PageInfo, request.Marker) is not { } marker)
            {
                yield break;
            }

            request = request with { Marker = marker };
        }
    }

    /// <summary>
    /// Extension of our platform: follows a task's events from a sequence on until the task has ended. A broken connection is taken up again where it broke;
    /// sequences are strictly increasing. Ends when the task is Done, Failed or Stopped and all its events were given; fails when the platform is out of reach for <see cref="QianfanOptions.OutagePatience"/>.
    /// </summary>
    /// <param name="taskId">The task.</param>
    /// <param name="afterSequence">0 for all, else the last sequence that is known already.</param>
    /// <param name="cancellationToken">Breaks off; the task goes on.</param>
    /// <exception cref="QianfanApiException">The platform refuses: no such task, say.</exception>
    public async IAsyncEnumerable<FineTuningTaskEvent> StreamTaskEventsAsync(string taskId, long afterSequence = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var cursor = afterSequence;
        var failures = 0;
        var contact = _transport.Time.GetTimestamp();
        while (true)
        {
            QianfanException? failure = null;
            var events = ReadOnceAsync(taskId, cursor, cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (events.ConfigureAwait(false))
            {
                while (true)
                {
                    try
                    {
                        if (!await events.MoveNextAsync().ConfigureAwait(false))
                        {
                            break;
                        }
                    }
                    catch (QianfanException e) when (Outage.Is(e) && (failures == 0 || !IsOver(contact)))
                    {
                        failure = e;
                        break;
                    }

                    // A platform that repeats itself after a reconnect does no harm.
                    if (events.Current.Sequence > cursor)
                    {
                        cursor = events.Current.Sequence;
                        failures = 0;
                        contact = _transport.Time.GetTimestamp();
                        yield return events.Current;
                    }
                }
            }

            // The stream ends when the task does. Whether it did is asked for: after a resume, old endings are on the stream too.
            if (failure is null)
            {
                var ended = await HasEndedAsync(taskId, contact, cancellationToken).ConfigureAwait(false);
                if (ended == true)
                {
                    yield break;
                }

                contact = ended is null ? contact : _transport.Time.GetTimestamp();
            }

            failures++;
            await Task.Delay(Outage.Wait(_transport.Options, failures, failure), _transport.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsOver(long contact) => _transport.Time.GetElapsedTime(contact) >= _transport.Options.OutagePatience;

    /// <summary>Null when the platform can't be reached.</summary>
    private async Task<bool?> HasEndedAsync(string taskId, long contact, CancellationToken cancellationToken)
    {
        try
        {
            return (await DescribeTaskAsync(taskId, cancellationToken).ConfigureAwait(false)).RunStatus.IsTerminal;
        }
        catch (QianfanException e) when (Outage.Is(e) && !IsOver(contact))
        {
            return null;
        }
    }

    private async IAsyncEnumerable<FineTuningTaskEvent> ReadOnceAsync(string taskId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var sequence = after.ToString(CultureInfo.InvariantCulture);
        var call = new QianfanCall
        {
            Method = HttpMethod.Get,
            BaseUrl = _transport.Options.ConsoleBaseUrl,
            Path = $"{Path}/tasks/{IamSigner.Encode(taskId)}/events",
            Query = [KeyValuePair.Create("after", sequence)],
            Headers = [KeyValuePair.Create("Accept", "text/event-stream"), KeyValuePair.Create("Last-Event-ID", sequence)],
            Authentication = CallAuthentication.Signature,
            Retry = new RetryOptions { MaxAttempts = 1 },
            Timeout = _transport.Options.ConsoleTimeout,
        };
        using var response = await _transport.OpenEventStreamAsync(call, cancellationToken).ConfigureAwait(false);
        await foreach (var item in _transport.ReadEventsAsync(response, cancellationToken).ConfigureAwait(false))
        {
            if (!long.TryParse(item.EventId, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            yield return new FineTuningTaskEvent(id, item.EventType, ParseData(item.Data));
        }
    }

    private static JsonObject ParseData(string data)
    {
        try
        {
            return JsonNode.Parse(data) as JsonObject ?? throw new QianfanRequestException("An event of the task is no JSON object.", HttpStatusCode.OK);
        }
        catch (JsonException e)
        {
            throw new QianfanRequestException("An event of the task is no JSON.", HttpStatusCode.OK, e);
        }
    }

    private static string? NextMarker(PageInfo? page, string? previous) =>
        page is { IsTruncated: true, NextMarker: { Length: > 0 } next } && next != previous ? next : null;

    private static FineTuningTaskIdRequest TaskId(string taskId) => new() { TaskId = taskId };
}
