using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Native;

/// <summary>
/// Loads TorchSharp's native library where the system's C++ runtime is older than the library asks for (Debian 12, Ubuntu 22.04).
/// </summary>
/// <remarks>
/// The plain load is tried first. Only if it fails because a symbol version is missing, and only if no relocation uses a symbol of that version,
/// a private copy is mended (see <see cref="ElfVersionNeeds"/>) and loaded. The library that was shipped is never written to: it may be a link into a package cache.
/// </remarks>
internal static partial class NativeLibraryMending
{
    /// <summary>Loads the library, from a mended copy if it must be.</summary>
    /// <param name="path">The library as shipped.</param>
    /// <param name="copyDirectory">Folder of this user for mended copies.</param>
    /// <returns>What was mended, or null if nothing had to be.</returns>
    /// <exception cref="EngineException">Code <c>native_library</c>: it can't be loaded; the message says what to install.</exception>
    public static string? Load(string path, string copyDirectory)
    {
        var failure = TryLoad(path);
        if (failure is null)
            return null;
        var mended = new List<string>();
        byte[]? image = null;
        // A library may lack several versions; the linker names one at a time.
        while (MissingVersion(failure) is { } version && !mended.Contains(version))
        {
            image ??= File.ReadAllBytes(path);
            Mend(image, version, failure);
            mended.Add(version);
            failure = TryLoad(WriteCopy(image, path, copyDirectory));
            if (failure is null)
                return $"{Path.GetFileName(path)}: {string.Join(", ", mended)}";
        }
        throw new EngineException(WorkerErrors.NativeLibrary, Explain(path, failure));
    }

    /// <summary>The version that the dynamic linker's message misses, or null.</summary>
    internal static string? MissingVersion(string message) =>
        MissingVersionPattern().Match(message) is { Success: true } match ? match.Groups[1].Value : null;

    private static void Mend(byte[] image, string version, string failure)
    {
        try
        {
            new ElfVersionNeeds(image).MakeWeak(version);
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or OverflowException)
        {
            throw new EngineException(WorkerErrors.NativeLibrary,
                $"{exception.Message} Install a newer C++ runtime that has {version} (libstdc++ of GCC 13 or newer, as in Debian 13 and Ubuntu 24.04). The loader said: {failure}", exception);
        }
    }

    private static string? TryLoad(string path)
    {
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            return exception.Message;
        }
    }

    private static string WriteCopy(byte[] image, string path, string copyDirectory)
    {
        var directory = Path.Combine(copyDirectory, Convert.ToHexStringLower(SHA256.HashData(image)));
        var copy = Path.Combine(directory, Path.GetFileName(path));
        if (File.Exists(copy) && File.ReadAllBytes(copy).AsSpan().SequenceEqual(image))
            return copy;
        Directory.CreateDirectory(directory);
        var temporary = Path.Combine(directory, Path.GetRandomFileName());
        File.WriteAllBytes(temporary, image);
        File.Move(temporary, copy, overwrite: true);
        return copy;
    }

    private static string Explain(string path, string failure)
    {
        var advice = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "Install the Microsoft Visual C++ Redistributable (x64)."
            : failure.Contains("cannot open shared object file", StringComparison.Ordinal) ? "Install the library that is named (on Debian and Ubuntu: libstdc++6 and libgomp1; Alpine's musl is not supported)."
            : "A 64-bit Linux with glibc 2.34 and libstdc++ of GCC 12 or newer (Debian 12, Ubuntu 22.04 or later), Windows x64 or macOS on Apple silicon is needed.";
        return $"{Path.GetFileName(path)} can't be loaded. {advice} The loader said: {failure}";
    }

    [GeneratedRegex("version [`']([A-Za-z0-9_.]+)' not found")]
    private static partial Regex MissingVersionPattern();
}
