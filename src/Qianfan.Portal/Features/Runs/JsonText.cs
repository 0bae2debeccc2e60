using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qianfan.Portal.Features.Runs;

/// <summary>How event data is written: Chinese text as it is, not as escapes.</summary>
internal static class JsonText
{
    /// <summary>For data that goes into the database and out as JSON, never into HTML.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
