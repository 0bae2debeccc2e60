using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>The portal as a process of its own, on a data folder that outlives it: it can be killed and started again.</summary>
internal sealed partial class PortalProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, string> _settings;
    private readonly ConcurrentQueue<string> _output = new();
    private Process? _process;

    public PortalProcess(Dictionary<string, string>? settings = null)
    {
        DataDirectory = Directory.CreateTempSubdirectory("qianfan-e2e-").FullName;
        Address = $"http://127.0.0.1:{FreePort()}";
        _settings = settings ?? [];
    }

    public string DataDirectory { get; }

    public string Address { get; }

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The portal is not running.");

    /// <summary>Everything that all processes on this data folder wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Starts the portal and waits until it serves.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = new ProcessStartInfo("dotnet", [Repository.PortalAssembly, "--urls", Address])
        {
            // As `dotnet run` does.
            WorkingDirectory = Repository.PortalProject,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The tests' own host settings are not the portal's.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("ASPNETCORE_", StringComparison.Ordinal) || k.StartsWith("Portal__", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["Portal__DataDirectory"] = DataDirectory;
        foreach (var (name, value) in _settings)
            start.Environment[name] = value;

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        void Take(string? line)
        {
            if (line is null)
                return;
            _output.Enqueue(line);
            if (line.Contains("Qianfan Portal is ready", StringComparison.Ordinal))
                ready.TrySetResult();
        }

        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.Exited += (_, _) => ready.TrySetException(new InvalidOperationException($"The portal ended with {process.ExitCode}:\n{Output}"));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        await ready.Task.WaitAsync(s_startTimeout, cancellationToken);
    }

    /// <summary>As <c>kill -9</c>: nothing in the portal gets to run any more. Its workers live on until they notice.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        _process!.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync(cancellationToken);
    }

    /// <summary>As a service manager stops it (SIGTERM).</summary>
    /// <returns>How long it took to end.</returns>
    public async Task<TimeSpan> TerminateAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        Signal(ProcessId, 15);
        await _process!.WaitForExitAsync(cancellationToken);
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Process ids of the engine's workers that are children of this portal or were left behind by it.</summary>
    public static IReadOnlyList<int> Workers(string mode)
    {
        List<int> found = [];
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out var id))
                continue;
            try
            {
                var line = File.ReadAllText(Path.Combine(directory, "cmdline")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
                if (line.Any(a => a.StartsWith(Repository.Root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && a.Contains("Qianfan.Engine", StringComparison.Ordinal)) && line.Contains(mode))
                    found.Add(id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended between the listing and the look: no worker any more.
                continue;
            }
        }

        return found;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        Directory.Delete(DataDirectory, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Signal(int processId, int signal)
    {
        if (kill(processId, signal) != 0)
            throw new InvalidOperationException($"kill({processId}, {signal}) failed with {Marshal.GetLastPInvokeError()}.");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int sig);
}
