using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using CsCheck;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests.Properties;

public sealed class SerializationProperties
{
    public static TheoryData<string> Records => [.. typeof(QianfanJson).Assembly.GetExportedTypes()
        .Where(t => t.Namespace == "Qianfan.Sdk.Protocol" && t.GetMethod("<Clone>$") is not null && QianfanJson.Wire.GetTypeInfo(t) is not null)
        .Select(t => t.FullName!)];

    [Theory]
    [MemberData(nameof(Records))]
    public void What_the_wire_says_is_read_and_written_again_and_unknown_members_do_no_harm(string name)
    {
        var type = QianfanJson.Wire.GetTypeInfo(typeof(QianfanJson).Assembly.GetType(name)!)!;
        Gen.Int.Select(seed => WireValue(type, new Random(seed), depth: 3)).Sample(
            wire =>
            {
                var known = wire.DeepClone().AsObject();
                var extended = wire.DeepClone().AsObject();
                extended["member_of_another_version"] = new JsonObject { ["a"] = 1 };

                var written = Write(Read(extended, type), type);

                if (type.Properties.Any(p => p.IsExtensionData))
                {
                    written["member_of_another_version"].ShouldNotBeNull();
                }
                else
                {
                    written.ContainsKey("member_of_another_version").ShouldBeFalse();
                }

                written.Remove("member_of_another_version");
                JsonNode.DeepEquals(Write(Read(written, type), type), written).ShouldBeTrue($"{written} is not stable");
                foreach (var (member, value) in known.Where(m => m.Value is JsonValue && Survives(type, m.Key)))
                {
                    JsonNode.DeepEquals(written[member], value).ShouldBeTrue($"{member}: {value?.ToJsonString()} became {written[member]?.ToJsonString()}");
                }
            },
            iter: 30,
            threads: 1);
    }

    [Fact]
    public void A_trainer_with_any_configuration_comes_back_as_it_was() => Gen.Select(
        Gen.Int[1, 50].Nullable(),
        Gen.Double[1e-7, 1].Nullable(),
        Gen.Int[512, 8192].Nullable(),
        Gen.OneOf<PeftType?>(null, PeftType.LoRA, PeftType.FullFineTuning),
        Gen.Int[0, 100],
        Texts.Any,
        Gen.Bool).Sample(
        (epoch, rate, length, peft, split, text, lists) =>
        {
            var config = new TrainConfig
            {
                Epoch = epoch,
                LearningRate = rate,
                MaxSeqLen = length,
                PeftType = peft,
                TrainsetRate = split,
                SchedulerName = text,
                LoraTargetModules = lists ? ["q", text] : null,
                Extras = lists ? new JsonObject { ["own"] = text } : null,
            };
            var client = Given.Client(new ScriptedPlatform());
            var written = Given.Finetune(client, config: config).Dumps();
            var read = LlmFinetune.Loads(written, client);
            JsonNode.DeepEquals(JsonNode.Parse(read.Dumps()), JsonNode.Parse(written)).ShouldBeTrue();
            JsonNode.DeepEquals(config.ToHyperParameters(), TrainConfig.FromHyperParameters(config.ToHyperParameters(), peft).ToHyperParameters()).ShouldBeTrue();
        },
        iter: 100,
        threads: 1);

    private static object Read(JsonObject json, JsonTypeInfo type) => json.Deserialize(type).ShouldNotBeNull();

    private static JsonObject Write(object value, JsonTypeInfo type) => JsonSerializer.SerializeToNode(value, type)!.AsObject();

    /// <summary>True for members whose values the record keeps as they are: it can be set, and no converter of its own reads it leniently.</summary>
    private static bool Survives(JsonTypeInfo type, string member) =>
        type.Properties.Single(p => p.Name == member) is { CustomConverter: null } property && !property.PropertyType.IsEnum;

    /// <summary>A value as the wire could have it.</summary>
    private static JsonObject WireValue(JsonTypeInfo type, Random random, int depth)
    {
        var result = new JsonObject();
        foreach (var property in type.Properties.Where(p => !p.IsExtensionData && (p.Set is not null || p.IsRequired || p.AssociatedParameter is not null)))
        {
            if (property.IsRequired || random.Next(4) > 0)
            {
                result[property.Name] = Value(property.PropertyType, random, depth);
            }
        }

        return result;
    }

    private static JsonNode? Value(Type type, Random random, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        string[] texts = ["", "a", "你好 \"x\"\n", "ds-1", "12"];
        if (type == typeof(string))
        {
            return texts[random.Next(texts.Length)];
        }

        if (type == typeof(bool))
        {
            return random.Next(2) == 0;
        }

        if (type == typeof(double) || type == typeof(float))
        {
            return random.Next(-1000, 1000) / 8.0;
        }

        if (type.IsEnum)
        {
            return Convert.ToInt32(Enum.GetValuesAsUnderlyingType(type).GetValue(0), System.Globalization.CultureInfo.InvariantCulture);
        }

        if (type.IsPrimitive)
        {
            return random.Next(100);
        }

        if (type == typeof(JsonObject) || type == typeof(JsonElement) || type == typeof(JsonNode))
        {
            return new JsonObject { ["any"] = texts[random.Next(texts.Length)] };
        }

        if (type == typeof(JsonArray))
        {
            return new JsonArray(texts[random.Next(texts.Length)]);
        }

        if (type == typeof(DateTimeOffset))
        {
            return "2026-01-02T03:04:05+00:00";
        }

        if (type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IWireText<>)))
        {
            return "a word";
        }

        var info = QianfanJson.Wire.GetTypeInfo(type).ShouldNotBeNull(type.Name);
        return info.Kind switch
        {
            JsonTypeInfoKind.Enumerable => new JsonArray([.. Enumerable.Range(0, depth == 0 ? 0 : random.Next(3)).Select(_ => Value(info.ElementType!, random, depth - 1))]),
            JsonTypeInfoKind.Dictionary => new JsonObject { ["key"] = Value(info.ElementType!, random, depth) },
            JsonTypeInfoKind.Object => WireValue(info, random, depth - 1),
            _ => texts[random.Next(texts.Length)],
        };
    }
}
