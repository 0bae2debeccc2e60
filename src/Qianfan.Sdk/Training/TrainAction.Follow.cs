using System.Text.Json.Nodes;
using System.Threading.Channels;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <content>Follows a task to its end: by its event stream on our platform, by looking again and again elsewhere.</content>
public sealed partial class TrainAction
{
    private const int MaxBatch = 100;
    private static readonly TimeSpan s_pollAfterStop = TimeSpan.FromSeconds(5);

    private async Task<FineTuningTask> FollowStreamAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        while (true)
        {
            await FollowToEndAsync(taskId, run, cancellationToken).ConfigureAwait(false);
            var task = await Outage.PatientlyAsync(_client, () => DescribeAsync(taskId, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (task.RunStatus.IsTerminal)
            {
                return task;
            }
        }
    }

    private async Task FollowToEndAsync(string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<FineTuningTaskEvent>(MaxBatch);
        var reading = ReadIntoAsync(channel.Writer, taskId, _cursor, done.Token);
        try
        {
            await HandleEventsAsync(channel.Reader, taskId, run, cancellationToken).ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadIntoAsync(ChannelWriter<FineTuningTaskEvent> writer, string taskId, long after, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var e in _client.FineTuning.StreamTaskEventsAsync(taskId, after, cancellationToken).ConfigureAwait(false))
            {
                await writer.WriteAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            writer.Complete();
        }
    }

    private async Task HandleEventsAsync(ChannelReader<FineTuningTaskEvent> reader, string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = run.StopToken.Register(stopped.SetResult);
        var stopSent = false;
        Task<bool>? more = null;
        while (true)
        {
            more ??= reader.WaitToReadAsync(cancellationToken).AsTask();
            if (!stopSent)
            {
                await Task.WhenAny(more, stopped.Task).ConfigureAwait(false);
                if (stopped.Task.IsCompleted)
                {
                    EndFollowing(run);
                    stopSent = true;
                    await StopRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
                }
            }

            if (!await more.ConfigureAwait(false))
            {
                return;
            }

            more = null;
            await TellBatchAsync(reader, taskId, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TellBatchAsync(ChannelReader<FineTuningTaskEvent> reader, string taskId, CancellationToken cancellationToken)
    {
        var events = new JsonArray();
        while (events.Count < MaxBatch && reader.TryRead(out var e))
        {
            var item = new JsonObject { ["sequence"] = e.Sequence, ["kind"] = e.Kind };
            foreach (var (key, value) in e.Data)
            {
                item[key] = value?.DeepClone();
            }

            events.Add((JsonNode)item);
            Mutate(() =>
            {
                _cursor = e.Sequence;
                if (e.Kind == FineTuningTaskEventKinds.Status)
                {
                    _runStatus = FineTuningRunStatus.From(e.Data["runStatus"]?.ToString() ?? "");
                    _progress = e.Data["runProgress"]?.ToString() ?? _progress;
                }
            });
        }

        await RunningAsync("train running", new JsonObject { ["task_id"] = taskId, ["job_id"] = _jobId, ["cursor"] = _cursor, ["events"] = events }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<FineTuningTask> PollAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        var stopSent = false;
        while (true)
        {
            if (run.StopToken.IsCancellationRequested && !stopSent)
            {
                EndFollowing(run);
                stopSent = true;
                await StopRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
            }

            var (task, raw) = await Outage.PatientlyAsync(_client, () => Api.DescribeTaskAsync(_jobId, taskId, cancellationToken), cancellationToken).ConfigureAwait(false);
            Mutate(() =>
            {
                _runStatus = task.RunStatus;
                _progress = task.RunProgress ?? _progress;
            });
            await RunningAsync("train running", raw, cancellationToken).ConfigureAwait(false);
            if (task.RunStatus.IsTerminal)
            {
                return task;
            }

            if (task.RunStatus != FineTuningRunStatus.Running && task.RunStatus != FineTuningRunStatus.Waiting && task.RunStatus != default)
            {
                throw new InternalErrorException($"[train_action]training job {_jobId}/{taskId} has the unknown status {task.RunStatus}");
            }

            var wait = _client.Options.TrainPoll;
            if (stopSent)
            {
                await Task.Delay(wait < s_pollAfterStop ? wait : s_pollAfterStop, Time, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await run.DelayAsync(wait, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private void EndFollowing(ActionRun run)
    {
        if (_options.FollowOnly)
        {
            run.ThrowIfStopRequested();
        }
    }

    private async Task StopRemoteAsync(string taskId, CancellationToken cancellationToken)
    {
        try
        {
            await Api.StopTaskAsync(_jobId, taskId, cancellationToken).ConfigureAwait(false);
        }
        catch (QianfanApiException e) when (e is not QianfanAuthenticationException)
        {
            // A task that has just ended by itself is refused; that is as good as stopped.
            var task = await DescribeAsync(taskId, cancellationToken).ConfigureAwait(false);
            if (!task.RunStatus.IsTerminal)
            {
                throw;
            }
        }
    }

    private async Task<FineTuningTask> DescribeAsync(string taskId, CancellationToken cancellationToken) =>
        (await Api.DescribeTaskAsync(_jobId, taskId, cancellationToken).ConfigureAwait(false)).Task;
}
