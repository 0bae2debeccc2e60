using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Finds PyTorch as Debian packs it, and BLIS for it: its own matrix products take minutes for a step.</summary>
internal static class PyTorchPeer
{
    private static readonly string[] s_blis = ["/usr/lib/x86_64-linux-gnu/blis-openmp", "/usr/lib/x86_64-linux-gnu/blis-pthread"];

    /// <returns>How the peer is started, or null, and then what is missing.</returns>
    public static ProcessStartInfo? Find(out string missing)
    {
        missing = "";
        const string Python = "/usr/bin/python3";
        if (!File.Exists(Python))
        {
            missing = $"{Python} is missing";
            return null;
        }

        if (Array.Find(s_blis, folder => File.Exists(Path.Combine(folder, "libblas.so.3"))) is not { } blis)
        {
            missing = "libblis4-openmp or libblis4-pthread is not installed";
            return null;
        }

        using var probe = Process.Start(new ProcessStartInfo(Python, ["-c", "import torch"]) { RedirectStandardError = true })!;
        probe.StandardError.ReadToEnd();
        probe.WaitForExit();
        if (probe.ExitCode != 0)
        {
            missing = "python3-torch is not installed";
            return null;
        }

        var start = new ProcessStartInfo(Python, [Script()]);
        start.Environment["LD_LIBRARY_PATH"] = blis;
        return start;
    }

    private static string Script([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "..", "peers", "train.py");
}
