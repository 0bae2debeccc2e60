using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Platform.Reference;

/// <summary>The OpenAPI document as a page: plain HTML that opens and closes without a script, so that the strictest policy lets it be.</summary>
internal static class ReferencePage
{
    private const string Style = """
        :root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:64rem;margin:0 auto;padding:1rem}h1{margin-bottom:0}
        details{border:1px solid color-mix(in srgb,currentColor 20%,transparent);border-radius:.5rem;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}
        summary b{display:inline-block;min-width:4.5rem}code,pre{font:.9rem/1.4 ui-monospace,monospace}pre{overflow:auto;padding:.6rem;background:color-mix(in srgb,currentColor 8%,transparent);border-radius:.4rem}
        table{border-collapse:collapse}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
        """;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The page of a document.</summary>
    public static string Of(JsonObject document)
    {
        var page = new StringBuilder();
        var info = document["info"]!;
        page.Append(CultureInfo.InvariantCulture, $"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{Text(info["title"])}</title><style>{Style}</style></head><body>");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Text(info["title"])}</h1><p>Version {Text(info["version"])}. {Text(info["description"])}</p><p><a href=\"{ApiReference.DocumentPath}\">OpenAPI document</a></p>");
        page.Append("<h2>Keys</h2><table>");
        foreach (var (name, scheme) in document["components"]!["securitySchemes"]!.AsObject()) page.Append(CultureInfo.InvariantCulture, $"<tr><th>{Text(name)}</th><td>{Text(scheme!["description"])}</td></tr>");
        page.Append("</table>");
        foreach (var tag in document["tags"]!.AsArray())
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2>{Text(tag!["name"])}</h2><p>{Text(tag["description"])}</p>");
            foreach (var (path, operations) in document["paths"]!.AsObject())
            {
                foreach (var (method, operation) in operations!.AsObject().Where(entry => (string?)entry.Value!["tags"]![0] == (string?)tag["name"])) Append(page, path, method, operation!, document);
            }
        }

        return page.Append("</body></html>").ToString();
    }

    private static void Append(StringBuilder page, string path, string method, JsonNode operation, JsonObject document)
    {
        page.Append(CultureInfo.InvariantCulture, $"<details id=\"{Text(operation["operationId"])}\"><summary><b>{Text(method.ToUpperInvariant())}</b> <code>{Text(path)}</code></summary>");
        if (operation["description"] is { } description) page.Append(CultureInfo.InvariantCulture, $"<p>{Text(description)}</p>");
        page.Append(CultureInfo.InvariantCulture, $"<p>{(operation["security"]!.AsArray().Count == 0 ? "Needs no key." : "Needs a key: " + string.Join(" or ", operation["security"]!.AsArray().Select(way => Text(way!.AsObject().Single().Key))) + ".")}</p>");
        if (operation["parameters"] is JsonArray parameters)
        {
            page.Append("<table>");
            foreach (var parameter in parameters) page.Append(CultureInfo.InvariantCulture, $"<tr><th><code>{Text(parameter!["name"])}</code></th><td>{Text(parameter["in"])}, {Text(parameter["schema"]!["type"])}{(parameter["required"] is null ? "" : ", required")}</td><td>{Text(parameter["description"])}</td></tr>");
            page.Append("</table>");
        }

        foreach (var (type, content) in operation["requestBody"]?["content"]?.AsObject() ?? new JsonObject())
        {
            page.Append(CultureInfo.InvariantCulture, $"<p>Body: <code>{Text(type)}</code></p>");
            foreach (var example in Examples(content!)) page.Append(CultureInfo.InvariantCulture, $"<pre>{Text(example.ToJsonString(s_json))}</pre>");
            foreach (var schema in Schemas(content!["schema"]!, document)) page.Append(CultureInfo.InvariantCulture, $"<details><summary><code>{Text(schema.Name)}</code></summary><pre>{Text(schema.Schema.ToJsonString(s_json))}</pre></details>");
        }

        page.Append("</details>");
    }

    private static IEnumerable<JsonNode> Examples(JsonNode content)
    {
        if (content["example"] is { } example) yield return example;
        foreach (var (name, entry) in content["examples"]?.AsObject() ?? new JsonObject()) yield return new JsonObject { [name] = entry!["value"]!.DeepClone() };
    }

    private static IEnumerable<(string Name, JsonNode Schema)> Schemas(JsonNode schema, JsonObject document)
    {
        if (schema["anyOf"] is JsonArray several) return several.SelectMany(entry => Schemas(entry!, document));
        if ((string?)schema["$ref"] is not { } reference) return [("form", schema)];
        var name = reference[(reference.LastIndexOf('/') + 1)..];
        return [(name, document["components"]!["schemas"]![name]!)];
    }

    private static string Text(JsonNode? node) => Text(node?.ToString() ?? "");

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);
}
