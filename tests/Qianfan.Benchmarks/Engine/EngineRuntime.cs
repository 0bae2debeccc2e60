using System.Diagnostics;

namespace Qianfan.Benchmarks.Engine;

/// <summary>The engine is a program with settings of its own for how code is compiled. What is measured of it within this one has to run with the same: in a child, since they count from the start.</summary>
internal static class EngineRuntime
{
    private static readonly Dictionary<string, string> s_settings = new() { ["DOTNET_TieredPGO"] = "0", ["DOTNET_TC_QuickJitForLoops"] = "0" };

    /// <summary>Whether this process has the engine's settings.</summary>
    public static bool IsHere => s_settings.All(setting => Environment.GetEnvironmentVariable(setting.Key) == setting.Value);

    /// <summary>Runs this program once more, with them.</summary>
    /// <returns>Its exit code.</returns>
    public static int Run(string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(EngineRuntime).Assembly.Location, .. args] : args);
        foreach (var (name, value) in s_settings)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
