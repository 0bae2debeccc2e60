using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qianfan.Engine.Workers;

/// <summary>Takes standard output for the protocol alone: whatever else this process prints, native libraries included, goes to standard error.</summary>
internal static partial class ProtocolStream
{
    /// <summary>Call once, before anything is printed.</summary>
    public static Stream TakeStandardOutput()
    {
        Stream protocol;
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
        {
            // Native code on Windows prints through handles that it looked up itself; only .NET's own output can be turned away here.
            protocol = Console.OpenStandardOutput();
        }
        else
        {
            var copy = Duplicate(1);
            if (copy < 0 || Duplicate(2, 1) < 0)
                throw new IOException($"Standard output can't be taken (error {Marshal.GetLastPInvokeError()}).");
            protocol = new FileStream(new SafeFileHandle(copy, ownsHandle: true), FileAccess.Write, bufferSize: 0);
        }
        Console.SetOut(Console.Error);
        return protocol;
    }

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(int from, int to);
}
