using System.Reflection;
using Microsoft.Extensions.Configuration;
using Qianfan.Platform;

namespace Qianfan.Portal.Tests.Hosting;

public sealed class ExampleSettingsTests
{
    // Set by the portal from its own settings, or of a standalone platform alone.
    private static readonly string[] s_notForThePortal =
        [nameof(PlatformOptions.DataDirectory), nameof(PlatformOptions.PublicUrl), nameof(PlatformOptions.Api), nameof(PlatformOptions.Trainer), nameof(PlatformOptions.MaxFileBytes), nameof(PlatformOptions.Keys)];

    private static readonly IConfigurationRoot s_example = new ConfigurationBuilder().AddJsonFile(FindExample()).Build();

    [Fact]
    public void The_example_names_every_option_and_nothing_else()
    {
        Names(s_example.GetSection("Portal")).ShouldBe(Names(typeof(PortalOptions)), ignoreOrder: true);
        Names(s_example.GetSection("Platform")).ShouldBe(Names(typeof(PlatformOptions)).Except(s_notForThePortal), ignoreOrder: true);
    }

    [Fact]
    public void The_example_binds_to_the_defaults()
    {
        var portal = s_example.GetSection("Portal").Get<PortalOptions>(o => o.ErrorOnUnknownConfiguration = true)!;
        portal.ShouldBeEquivalentTo(new PortalOptions());

        var platform = s_example.GetSection("Platform").Get<PlatformOptions>(o => o.ErrorOnUnknownConfiguration = true)!;
        platform.ShouldBeEquivalentTo(new PlatformOptions());
    }

    private static IEnumerable<string> Names(IConfigurationSection section, string prefix = "") =>
        section.GetChildren().SelectMany(c => c.GetChildren().Any() ? Names(c, $"{prefix}{c.Key}:") : [prefix + c.Key]);

    private static IEnumerable<string> Names(Type options, string prefix = "") =>
        options.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .SelectMany(p => p.PropertyType.Namespace == "Qianfan.Portal" && p.PropertyType.IsClass ? Names(p.PropertyType, $"{prefix}{p.Name}:") : [prefix + p.Name]);

    private static string FindExample()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "appsettings.example.json")))
            directory = directory.Parent;
        return Path.Combine(directory.ShouldNotBeNull().FullName, "appsettings.example.json");
    }
}
