using System.Reflection;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>Where things lie in the working tree that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    private static string Configuration { get; } = typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Configuration").Value!;

    public static string PortalProject { get; } = Path.Combine(Root, "src", "Qianfan.Portal");

    public static string PortalAssembly { get; } = Path.Combine(PortalProject, "bin", Configuration, "net10.0", "Qianfan.Portal.dll");

    /// <summary>What a run leaves for people to look at; not under version control.</summary>
    public static string Artifacts { get; } = Directory.CreateDirectory(Path.Combine(Root, "artifacts")).FullName;

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Qianfan.Portal.sln")))
                return directory.FullName;
        }

        throw new InvalidOperationException($"No Qianfan.Portal.sln above {AppContext.BaseDirectory}.");
    }
}
