using System.Runtime.CompilerServices;

namespace Qianfan.Sdk.Tests.Ecosystem;

/// <summary>Where the sources of this repository are.</summary>
internal static class RepositoryFolder
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", ".."));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
