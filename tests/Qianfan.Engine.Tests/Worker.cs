using System.Diagnostics;
using System.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>The real executable as a child process.</summary>
internal sealed class Worker : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    public Worker(params string[] words)
        : this(new Dictionary<string, string>(), words)
    {
    }

    /// <param name="environment">Variables of the child besides this process's own.</param>
    /// <param name="words">The command line.</param>
    public Worker(IReadOnlyDictionary<string, string> environment, params string[] words)
    {
        var name = OperatingSystem.IsWindows() ? "Qianfan.Engine.exe" : "Qianfan.Engine";
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, name), words)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardInputEncoding = new UTF8Encoding(false),
                StandardOutputEncoding = new UTF8Encoding(false),
                Environment = { ["OMP_NUM_THREADS"] = "1" },
            },
        };
        foreach (var (variable, value) in environment)
            _process.StartInfo.Environment[variable] = value;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _process.Start();
        _process.BeginErrorReadLine();
    }

    public int ProcessId => _process.Id;

    /// <summary>What it logged so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    public List<WorkerMessage> Received { get; } = [];

    public void Send(HostMessage message)
    {
        _process.StandardInput.WriteLine(WorkerLine.Write(message));
        _process.StandardInput.Flush();
    }

    public void CloseInput() => _process.StandardInput.Close();

    public void Kill() => _process.Kill();

    /// <summary>Reads on until a message of the type that fits; every line must be a message.</summary>
    public async Task<T> ExpectAsync<T>(Func<T, bool>? fits = null)
        where T : WorkerMessage
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            var message = WorkerLine.ReadWorker(line);
            Received.Add(message);
            if (message is T wanted && (fits is null || fits(wanted)))
                return wanted;
        }
        throw new InvalidOperationException($"The worker ended without {typeof(T).Name}. Its errors:\n{Errors}");
    }

    /// <summary>Reads what is left and waits for the end.</summary>
    public async Task<int> EndAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            Received.Add(WorkerLine.ReadWorker(line));
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }
}
