using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Threading.Channels;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>A real worker process, started as the platform starts it. Answers go to whoever asked.</summary>
internal sealed class EngineProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _reading;
    private readonly Channel<WorkerMessage> _messages = Channel.CreateUnbounded<WorkerMessage>();
    private readonly ConcurrentDictionary<string, Channel<WorkerMessage>> _requests = new(StringComparer.Ordinal);

    public EngineProcess(params string[] words)
    {
        _process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Qianfan.Engine.exe" : "Qianfan.Engine"), words)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = new UTF8Encoding(false),
            Environment = { ["OMP_WAIT_POLICY"] = "passive" },
        })!;
        if (words[0] == "train")
        {
            _process.PriorityClass = ProcessPriorityClass.BelowNormal;
        }

        _reading = ReadAsync();
    }

    /// <summary>What is no answer to a request, in order.</summary>
    public ChannelReader<WorkerMessage> Messages => _messages.Reader;

    public double Megabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1e6;
        }
    }

    public void Send(HostMessage message)
    {
        lock (_process)
        {
            _process.StandardInput.WriteLine(WorkerLine.Write(message));
            _process.StandardInput.Flush();
        }
    }

    /// <summary>Sends a request.</summary>
    /// <returns>Its answers; a step has this request's share alone.</returns>
    public ChannelReader<WorkerMessage> Ask(string requestId, HostMessage message)
    {
        var answers = Channel.CreateUnbounded<WorkerMessage>();
        _requests[requestId] = answers;
        Send(message);
        return answers.Reader;
    }

    public async Task LoadAsync(LoadModel request)
    {
        Send(request);
        await ExpectAsync<ModelLoaded>(loaded => loaded.ModelKey == request.ModelKey);
    }

    /// <summary>Reads <see cref="Messages"/> until there is one that fits.</summary>
    public async Task<T> ExpectAsync<T>(Func<T, bool>? fits = null)
        where T : WorkerMessage
    {
        await foreach (var message in Messages.ReadAllAsync())
        {
            switch (message)
            {
                case T wanted when fits?.Invoke(wanted) ?? true:
                    return wanted;
                case TrainingFailed failed:
                    throw new InvalidOperationException(failed.Message);
                case RequestFailed failed:
                    throw new InvalidOperationException(failed.Message);
            }
        }

        throw new InvalidOperationException($"The worker ended without {typeof(T).Name}.");
    }

    /// <summary>Tells it to end.</summary>
    public async Task<int> EndAsync()
    {
        Send(new Shutdown());
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var message = WorkerLine.ReadWorker(line);
            switch (message)
            {
                case DecodeStep step:
                    foreach (var slot in step.Slots)
                    {
                        Answer(slot.RequestId, new DecodeStep([slot]), slot.FinishReason is not null);
                    }

                    break;
                case Embedded embedded:
                    Answer(embedded.RequestId, embedded, last: true);
                    break;
                case RequestFailed failed when _requests.ContainsKey(failed.RequestId):
                    Answer(failed.RequestId, failed, last: true);
                    break;
                default:
                    await _messages.Writer.WriteAsync(message);
                    break;
            }
        }

        _messages.Writer.Complete();
        foreach (var (_, answers) in _requests)
        {
            answers.Writer.TryComplete(new InvalidOperationException("The worker ended."));
        }
    }

    private void Answer(string requestId, WorkerMessage message, bool last)
    {
        var answers = _requests[requestId];
        answers.Writer.TryWrite(message);
        if (last)
        {
            _requests.TryRemove(requestId, out _);
            answers.Writer.Complete();
        }
    }
}
