using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.Workers;

/// <summary>Starts the engine of <see cref="PlatformOptions.EngineDirectory"/>.</summary>
internal sealed class EngineLauncher(DataFolders folders, ILogger<WorkerProcess> logger) : IWorkerLauncher
{
    private const string Program = "Qianfan.Engine";

    // A worker gets these and no other variable: no credential of the host may reach it.
    private static readonly string[] s_inherited =
    [
        "PATH", "HOME", "TMPDIR", "TMP", "TEMP", "LANG", "LC_ALL", "TZ", "SystemRoot", "USERPROFILE", "LOCALAPPDATA", "PROGRAMDATA",
        "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "OMP_NUM_THREADS",
    ];

    public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null)
    {
        var start = new ProcessStartInfo
        {
            FileName = Executable(),
            WorkingDirectory = folders.Engine,
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            ArgumentList = { mode switch { WorkerMode.Train => "train", WorkerMode.Export => "export", WorkerMode.Count => "count", _ => "serve" } },
        };
        foreach (var argument in arguments ?? []) start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var name in s_inherited)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value) start.Environment[name] = value;
        }

        // Spinning threads starve everything else on a small machine.
        start.Environment["OMP_WAIT_POLICY"] = "passive";
        start.Environment["DOTNET_ROOT"] = DotnetRoot();
        return WorkerProcess.Start(start, background: mode != WorkerMode.Serve, logger);
    }

    private string Executable()
    {
        var path = Path.Combine(folders.Engine, OperatingSystem.IsWindows() ? Program + ".exe" : Program);
        return File.Exists(path) ? path : throw new WorkerException($"There is no engine at {path}. Build it, or set EngineDirectory.");
    }

    // The engine's own executable looks for the runtime in DOTNET_ROOT: it gets the one that runs this process.
    private static string DotnetRoot() =>
        Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root
            ? root
            : Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
