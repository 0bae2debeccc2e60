using System.Globalization;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Exports;

/// <summary>What exports are called on the disks of those who download them.</summary>
internal static class ExportFileNames
{
    private const int MostName = 100;

    /// <summary>Model, version and form, such as <c>bikes-v2-gguf-f16.gguf</c>.</summary>
    public static string Of(ExportRow export)
    {
        // A name that any file system takes: letters of any language and digits, the rest dashes.
        var model = new string([.. export.Model.Set.Name.Take(MostName).Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' ? c : '-')]);
        var form = export.Format switch
        {
            ModelExportFormats.Safetensors => ".zip",
            ModelExportFormats.Adapter => "-adapter.zip",
            var gguf => $"-{gguf["gguf-".Length..]}.gguf",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{model}-v{export.Model.Version}{form}");
    }
}
