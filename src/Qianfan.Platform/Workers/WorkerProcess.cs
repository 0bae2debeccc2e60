using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Workers;

/// <summary>A worker as a child process: lines on its standard input and output, its standard error in the log.</summary>
internal sealed partial class WorkerProcess : IWorker
{
    private const int BufferedMessages = 1024;

    private readonly Process _process;
    private readonly ILogger _logger;
    private readonly ErrorTail _errors = new();
    private readonly SemaphoreSlim _input = new(1, 1);
    private readonly Channel<WorkerMessage> _messages = Channel.CreateBounded<WorkerMessage>(
        new BoundedChannelOptions(BufferedMessages) { SingleWriter = true, SingleReader = true });
    private readonly Task _output;
    private readonly Task _error;
    private readonly int _processId;
    private volatile bool _ended;

    private WorkerProcess(Process process, ILogger logger)
    {
        _process = process;
        _logger = logger;
        _processId = process.Id;
        _output = PumpOutputAsync();
        _error = PumpErrorAsync();
    }

    /// <summary>Starts an engine.</summary>
    /// <exception cref="WorkerException">The program can't be started.</exception>
    public static WorkerProcess Start(ProcessStartInfo start, bool background, ILogger logger)
    {
        Process? process;
        try
        {
            process = Process.Start(start);
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException)
        {
            throw new WorkerException($"The engine {start.FileName} can't be started: {exception.Message}", exception);
        }

        if (process is null) throw new WorkerException($"The engine {start.FileName} did not start.");
        if (background) GiveWay(process);
        LogStarted(logger, process.Id, start.ArgumentList.FirstOrDefault());
        return new WorkerProcess(process, logger);
    }

    public async ValueTask<WorkerMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (await _messages.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_messages.Reader.TryRead(out var message)) return message;
        }

        return null;
    }

    public bool TryRead(out WorkerMessage? message) => _messages.Reader.TryRead(out message);

    public async ValueTask SendAsync(HostMessage message, CancellationToken cancellationToken)
    {
        await _input.WaitAsync(cancellationToken);
        try
        {
            if (_ended) return;
            var writer = _process.StandardInput;
            await writer.WriteLineAsync(WorkerLine.Write(message).AsMemory(), cancellationToken);
            await writer.FlushAsync(cancellationToken);
        }
        catch (IOException)
        {
            // The pipe is closed because the worker has ended; the reader tells of that, with the reason.
        }
        finally
        {
            _input.Release();
        }
    }

    public async Task<WorkerExit> WaitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        await _error.WaitAsync(cancellationToken);
        return new WorkerExit(_process.ExitCode, _errors.ToString());
    }

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception or AggregateException)
        {
            // It has ended meanwhile, or some of its children have.
            LogKill(_logger, _processId, exception.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ended = true;
        if (!_process.HasExited) Kill();
        // With the process gone both pipes end, unless a grandchild holds them: then they are closed here.
        await _process.WaitForExitAsync();
        _messages.Writer.TryComplete();
        LogEnded(_logger, _processId, _process.ExitCode);
        await _input.WaitAsync();
        _process.Dispose();
        _input.Release();
        await Task.WhenAll(_output, _error);
    }

    private async Task PumpOutputAsync()
    {
        Exception? fault = null;
        try
        {
            while (await _process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.Length > 0) await _messages.Writer.WriteAsync(WorkerLine.ReadWorker(line));
            }
        }
        catch (JsonException exception)
        {
            fault = new WorkerException("The engine wrote a line that is no message of the worker protocol.", exception);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or ChannelClosedException)
        {
            // The pipe was closed under the reader: the worker is being disposed.
            LogPipe(_logger, _processId, exception.Message);
        }

        _messages.Writer.TryComplete(fault);
    }

    private async Task PumpErrorAsync()
    {
        try
        {
            while (await _process.StandardError.ReadLineAsync() is { } line)
            {
                _errors.Add(line);
                LogLine(_logger, _processId, line);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            LogPipe(_logger, _processId, exception.Message);
        }
    }

    // Training takes what the processor has left: pages and answers come first.
    private static void GiveWay(Process process)
    {
        try
        {
            process.PriorityClass = ProcessPriorityClass.BelowNormal;
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception or PlatformNotSupportedException)
        {
            Trace.TraceInformation(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "Worker {ProcessId} started: {Mode}")]
    private static partial void LogStarted(ILogger logger, int processId, string? mode);

    [LoggerMessage(LogLevel.Information, "Worker {ProcessId} ended with code {ExitCode}")]
    private static partial void LogEnded(ILogger logger, int processId, int exitCode);

    [LoggerMessage(LogLevel.Debug, "Worker {ProcessId}: {Line}")]
    private static partial void LogLine(ILogger logger, int processId, string line);

    [LoggerMessage(LogLevel.Debug, "Worker {ProcessId} can't be killed: {Reason}")]
    private static partial void LogKill(ILogger logger, int processId, string reason);

    [LoggerMessage(LogLevel.Debug, "Worker {ProcessId} closed a pipe: {Reason}")]
    private static partial void LogPipe(ILogger logger, int processId, string reason);

    /// <summary>The last lines of a stream.</summary>
    private sealed class ErrorTail
    {
        private const int MostLines = 20;
        private const int MostLineLength = 500;

        private readonly Queue<string> _lines = new();

        public void Add(string line)
        {
            lock (_lines)
            {
                _lines.Enqueue(line.Length > MostLineLength ? line[..MostLineLength] : line);
                if (_lines.Count > MostLines) _lines.Dequeue();
            }
        }

        public override string ToString()
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }
}
