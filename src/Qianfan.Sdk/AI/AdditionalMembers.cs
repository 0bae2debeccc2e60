using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.AI;

/// <summary>Puts additional properties into a body under their wire names.</summary>
internal static class AdditionalMembers
{
    public static void Apply(ChatCompletionRequest request, AdditionalPropertiesDictionary? properties) =>
        request.Extra = Apply(request, request.Extra, properties);

    public static void Apply(EmbeddingRequest request, AdditionalPropertiesDictionary? properties) =>
        request.Extra = Apply(request, request.Extra, properties);

    // A name that the record has goes into its member, so that no name stands in the body twice.
    private static IDictionary<string, JsonElement>? Apply(object request, IDictionary<string, JsonElement>? extra, AdditionalPropertiesDictionary? properties)
    {
        if (properties is not { Count: > 0 })
        {
            return extra;
        }

        var rest = extra is null ? [] : new Dictionary<string, JsonElement>(extra, StringComparer.Ordinal);
        foreach (var (name, value) in properties)
        {
            var element = AIJson.ToElement(value, $"the additional property {name}");
            if (QianfanJson.Wire.GetTypeInfo(request.GetType())!.Properties.FirstOrDefault(p => p.Name == name && !p.IsExtensionData) is not { } member)
            {
                rest[name] = element;
            }
            else if (member.IsRequired)
            {
                throw new InvalidArgumentException($"{name} can't be an additional property.");
            }
            else
            {
                member.Set!(request, Value(element, member, name));
            }
        }

        return rest.Count > 0 ? rest : null;
    }

    private static object? Value(JsonElement element, JsonPropertyInfo member, string name)
    {
        try
        {
            return element.Deserialize(QianfanJson.Wire.GetTypeInfo(member.PropertyType)!);
        }
        catch (JsonException)
        {
            throw new InvalidArgumentException($"The additional property {name} has a value of the wrong type.");
        }
    }
}
