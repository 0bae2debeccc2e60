using System.Text.Json;
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

    /// <summary>A value of any type that the serialization knows.</summary>
    /// <exception cref="NotSupportedException">It knows nothing of the type.</exception>
    public static JsonElement ToElement(object? value, string what)
    {
        try
        {
            return JsonSerializer.SerializeToElement(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(object)));
        }
        catch (NotSupportedException e)
        {
            throw new NotSupportedException($"{value!.GetType()}, {what}, can't be written as JSON here: give a JsonElement.", e);
        }
    }

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
            var element = ToElement(value, $"the additional property {name}");
            var member = QianfanJson.Wire.GetTypeInfo(request.GetType())!.Properties.FirstOrDefault(p => p.Name == name && !p.IsExtensionData);
            if (member is null)
            {
                rest[name] = element;
            }
            else if (member.Set is { } set && QianfanJson.Wire.GetTypeInfo(member.PropertyType) is { } type)
            {
                set(request, element.Deserialize(type));
            }
            else
            {
                throw new NotSupportedException($"{name} can't be set by an additional property.");
            }
        }

        return rest.Count > 0 ? rest : null;
    }
}
