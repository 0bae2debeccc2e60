using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>A request that reached the scripted platform.</summary>
internal sealed record RecordedRequest(string Method, string Path, string? Action, JsonNode? Body, IReadOnlyDictionary<string, string> Headers)
{
    public string Name => Action ?? Path[(Path.LastIndexOf('/') + 1)..];
}
