using System.Reflection;
using System.Text;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Workers;

/// <summary>A worker's end of the protocol. Sending is thread-safe; reading is for one reader.</summary>
internal sealed class WorkerChannel : IAsyncDisposable
{
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(5);
    private readonly StreamReader _input;
    private readonly Stream _output;
    private readonly TextWriter _log;
    private readonly Lock _sending = new();
    private readonly ITimer _timer;
    private volatile bool _parentGone;

    /// <summary>Says hello and starts the heartbeat.</summary>
    public WorkerChannel(string mode, Stream input, Stream output, TextWriter log, TimeProvider time)
    {
        _input = new StreamReader(input, new UTF8Encoding(false));
        _output = output;
        _log = log;
        var version = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "0.0.0";
        Send(new WorkerHello(WorkerLine.ProtocolVersion, version, Environment.ProcessId, mode) { Slots = mode == "serve" ? Serving.ServingEngine.MostActive : null });
        _timer = time.CreateTimer(_ => Send(Describe(new Heartbeat(Environment.WorkingSet))), null, s_heartbeat, s_heartbeat);
    }

    /// <summary>Adds to a heartbeat what this worker has to say about itself. Called by a thread of its own.</summary>
    public Func<Heartbeat, Heartbeat> Describe { get; set; } = heartbeat => heartbeat;

    /// <summary>Whether a line found nobody to read it.</summary>
    public bool IsParentGone => _parentGone;

    /// <summary>Writes one line. A parent that is gone is no fault here: its end of input ends the worker.</summary>
    public void Send(WorkerMessage message)
    {
        var line = Encoding.UTF8.GetBytes(WorkerLine.Write(message) + "\n");
        lock (_sending)
        {
            if (_parentGone)
                return;
            try
            {
                _output.Write(line);
                _output.Flush();
            }
            catch (IOException exception)
            {
                _parentGone = true;
                _log.WriteLine($"The platform reads no more: {exception.Message}");
            }
        }
    }

    /// <summary>The next message; null when the parent has closed its end. Lines that are no message are logged and passed over.</summary>
    public async Task<HostMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (await _input.ReadLineAsync(cancellationToken) is { } line)
        {
            try
            {
                if (line.Length > 0)
                    return WorkerLine.ReadHost(line);
            }
            catch (Exception exception) when (exception is JsonException or NotSupportedException)
            {
                _log.WriteLine($"A line of {line.Length} characters is no message: {exception.Message}");
            }
        }
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        // Waits for a heartbeat under way, so that none follows the last line.
        await _timer.DisposeAsync();
        await _output.DisposeAsync();
    }
}
