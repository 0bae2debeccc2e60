using System.Security.Cryptography;
using System.Text;
using MudBlazor;

namespace Qianfan.Portal.Components.Theme;

/// <summary>Both palettes as one stylesheet, chosen by <c>data-theme</c> on the document: pages with and without a circuit look alike, and a change of theme needs no server and no flash.</summary>
public static class ThemeStylesheet
{
    public const string Path = "/theme.css";

    private static readonly byte[] Content = Encoding.UTF8.GetBytes(Build());

    /// <summary>The address with the version of its content.</summary>
    public static string Href { get; } = $"theme.css?v={Convert.ToHexStringLower(SHA256.HashData(Content))[..12]}";

    /// <summary>Answers with the stylesheet.</summary>
    public static IResult Get() => TypedResults.Bytes(Content, "text/css; charset=utf-8");

    private static string Build()
    {
        var light = Variables(dark: false);
        // What is the same in both is not said twice.
        var dark = Variables(dark: true).Except(light);
        return $":root{{{string.Concat(light)}}}\n:root[data-theme=dark]{{{string.Concat(dark)}}}\n";
    }

    private static string[] Variables(bool dark) =>
        new VariableWriter(PortalTheme.Theme, dark).Write().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // MudBlazor's own provider writes one palette at a time, and only on a circuit; its writer is used without rendering it.
    private sealed class VariableWriter : MudThemeProvider
    {
        public VariableWriter(MudTheme theme, bool dark)
        {
#pragma warning disable BL0005 // Not rendered, so there is no parent whose parameters this could overwrite.
            Theme = theme;
            IsDarkMode = dark;
#pragma warning restore BL0005
        }

        public string Write()
        {
            var text = new StringBuilder();
            GenerateTheme(text);
            return text.ToString();
        }
    }
}
