using System.Globalization;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine;

/// <summary>Refuses what can't fit, before the system ends the process for it.</summary>
internal static class MemoryBudget
{
    /// <summary>Bytes that are free on this machine, or in this container.</summary>
    public static long Available()
    {
        // The runtime looks at the machine when it collects.
        GC.Collect(0);
        var info = GC.GetGCMemoryInfo(GCKind.Any);
        return Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes);
    }

    /// <param name="needed">Bytes that the work takes at the least.</param>
    /// <param name="available">Bytes that are free.</param>
    /// <param name="work">For people: what is to be done.</param>
    /// <exception cref="EngineException">Code <c>out_of_memory</c>.</exception>
    public static void Require(long needed, long available, string work)
    {
        if (needed > available)
            throw new EngineException(WorkerErrors.OutOfMemory, $"{work} takes at least {Megabytes(needed)} of memory, and {Megabytes(available)} are free.");
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{(bytes + (1 << 20) - 1) >> 20:N0} MB");
}
