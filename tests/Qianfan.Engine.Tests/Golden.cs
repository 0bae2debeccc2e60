using System.Runtime.CompilerServices;

namespace Qianfan.Engine.Tests;

/// <summary>Golden values and what makes them.</summary>
internal static class Golden
{
    /// <summary>A committed file, beside the tests.</summary>
    public static string At(params string[] parts) => Path.Combine([AppContext.BaseDirectory, "Golden", .. parts]);

    /// <summary>A file in the sources, for the tests that make golden values.</summary>
    public static string Source(params string[] parts) => Path.Combine([Path.GetDirectoryName(ThisFile())!, "Golden", .. parts]);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
