using MudBlazor;

namespace Qianfan.Portal.Components.Theme;

/// <summary>What a person can choose; <c>wwwroot/js/portal.js</c> keeps and applies it.</summary>
/// <param name="Name">Value of <c>data-choose-theme</c>.</param>
/// <param name="TextKey">Resource of its name.</param>
/// <param name="Icon">One of MudBlazor's icons.</param>
public sealed record ThemeChoice(string Name, string TextKey, string Icon)
{
    /// <summary>All choices.</summary>
    public static IReadOnlyList<ThemeChoice> All { get; } =
    [
        new("light", "Theme_Light", Icons.Material.Outlined.LightMode),
        new("dark", "Theme_Dark", Icons.Material.Outlined.DarkMode),
        new("system", "Theme_System", Icons.Material.Outlined.Contrast),
    ];
}
