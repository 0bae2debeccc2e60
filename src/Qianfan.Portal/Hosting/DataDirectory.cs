using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Portal.Hosting;

/// <summary>The data folder, held by this process alone until it is disposed.</summary>
public sealed class DataDirectory : IDisposable
{
    // A Unix socket's address holds about 100 bytes (104 on macOS, 108 on Linux).
    private const int LongestSocketPath = 100;

    private readonly FileStream _lock;

    /// <summary>Creates the folder if need be and takes hold of it.</summary>
    /// <exception cref="InvalidOperationException">It can't be written, or another portal holds it.</exception>
    public DataDirectory(string configured)
    {
        FullPath = Path.GetFullPath(configured.Length > 0
            ? configured
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "qianfan-portal"));
        try
        {
            Directory.CreateDirectory(FullPath);
            _lock = new FileStream(Path.Combine(FullPath, "portal.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The data folder {FullPath} can't be used: {e.Message} Is another portal running on it? Portal__DataDirectory names another.", e);
        }

        // Keys, rows and models: nobody else's business.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        SocketPath = ChooseSocketPath(FullPath);
        // Ours alone, by the lock: what lies there is left over from a process that was killed.
        File.Delete(SocketPath);
    }

    public string FullPath { get; }

    /// <summary>Where the embedded platform listens for the portal.</summary>
    public string SocketPath { get; }

    public void Dispose() => _lock.Dispose();

    private static string ChooseSocketPath(string directory)
    {
        var path = Path.Combine(directory, "platform.sock");
        if (Encoding.UTF8.GetByteCount(path) <= LongestSocketPath)
            return path;
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory)))[..16];
        return Path.Combine(Path.GetTempPath(), $"qianfan-{name}.sock");
    }
}
