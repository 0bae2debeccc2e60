using System.Globalization;

namespace Qianfan.Portal.Features.Models;

/// <summary>Losses for people.</summary>
internal static class Loss
{
    /// <summary>Three digits after the point; a dash when there is none.</summary>
    public static string Format(double? loss) => loss is { } value ? value.ToString("0.000", CultureInfo.CurrentCulture) : "–";
}
