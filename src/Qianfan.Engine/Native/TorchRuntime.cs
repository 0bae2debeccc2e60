using System.Runtime.InteropServices;
using Qianfan.WorkerProtocol;
using TorchSharp;

namespace Qianfan.Engine.Native;

/// <summary>Brings libtorch into this process, once, before the first use of TorchSharp.</summary>
internal static partial class TorchRuntime
{
    /// <summary>Loads the native libraries that lie beside the engine and sets how many threads they use.</summary>
    /// <param name="threads">Threads of one operation, at least 1.</param>
    /// <returns>What had to be mended, for the log, or null.</returns>
    /// <exception cref="EngineException">Code <c>native_library</c>.</exception>
    public static string? Start(int threads)
    {
        // OpenMP threads that spin while they wait bring a busy machine to its knees. The native environment
        // counts, not .NET's copy of it, and only before the library loads.
        SetNativeVariable("OMP_WAIT_POLICY", "PASSIVE");
        SetNativeVariable("OMP_NUM_THREADS", threads.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var directory = FindDirectory();
        string? mended = null;
        // Dependencies first, by path: the mended copy lies elsewhere and finds them by name, already loaded.
        foreach (var library in s_libraries)
        {
            if (Path.Combine(directory, library) is var path && File.Exists(path))
                mended = NativeLibraryMending.Load(path, CopyDirectory()) ?? mended;
        }
        torch.InitializeDeviceType(DeviceType.CPU);
        torch.set_num_threads(threads);
        return mended;
    }

    /// <summary>The GPU, where libtorch for CUDA lies beside the engine and finds one; after <see cref="Start"/>.</summary>
    public static torch.Device? Gpu() => File.Exists(Path.Combine(FindDirectory(), s_cuda)) && torch.cuda.is_available() ? torch.CUDA : null;

    private static readonly string s_cuda = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "torch_cuda.dll" : "libtorch_cuda.so";

    // Those for CUDA are there only where the engine was built for it.
    private static readonly string[] s_libraries = RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
        ? ["c10.dll", "torch_cpu.dll", "c10_cuda.dll", s_cuda, "torch.dll", "LibTorchSharp.dll"]
        : RuntimeInformation.IsOSPlatform(OSPlatform.OSX)
            ? ["libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib", "libLibTorchSharp.dylib"]
            : ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", s_cuda, "libtorch.so", "libLibTorchSharp.so"];

    private static string FindDirectory()
    {
        var system = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "win-x64" : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? "osx-arm64" : "linux-x64";
        string[] candidates = [AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", system, "native")];
        return Array.Find(candidates, candidate => File.Exists(Path.Combine(candidate, s_libraries[^1])))
            ?? throw new EngineException(WorkerErrors.NativeLibrary,
                $"{s_libraries[^1]} is missing from the engine's folder {AppContext.BaseDirectory}. Build or publish the engine again for this operating system (x64 Linux or Windows, arm64 macOS).");
    }

    private static string CopyDirectory()
    {
        var user = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        // Without a home folder: beside nobody else's files, in a folder that only this user can enter.
        return user.Length > 0 ? Path.Combine(user, "qianfan-engine", "native") : Directory.CreateTempSubdirectory("qianfan-engine").FullName;
    }

    private static void SetNativeVariable(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is { Length: > 0 })
            return;
        Environment.SetEnvironmentVariable(name, value);
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            _ = SetEnv(name, value, 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
