using System.Runtime.InteropServices;

namespace Qianfan.Engine.Native;

/// <summary>The memory that native code allocates.</summary>
internal static partial class NativeHeap
{
    /// <summary>Gives back to the system what was freed and lies between what is in use. Only glibc keeps so much of it that it needs to be told.</summary>
    public static void Trim()
    {
        if (OperatingSystem.IsLinux())
            _ = MallocTrim(0);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
