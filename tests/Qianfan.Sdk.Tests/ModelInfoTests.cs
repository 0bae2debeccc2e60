using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>The library's tables of base models against the data of four versions of the official SDK.</summary>
public sealed class ModelInfoTests
{
    private static readonly (string Key, SdkVersion Version, string Models, string Defaults, TrainMode Mode)[] s_tables =
    [
        ("0.2.3", SdkVersion.V023, "ModelInfoMapping", "DefaultTrainConfigMapping", TrainMode.Sft),
        ("0.2.9", SdkVersion.V029, "ModelInfoMapping", "DefaultTrainConfigMapping", TrainMode.Sft),
        ("0.4.0", SdkVersion.V040, "ModelInfoMapping", "DefaultTrainConfigMapping", TrainMode.Sft),
        ("0.4.0", SdkVersion.V040, "PostPreTrainModelInfoMapping", "DefaultPostPretrainTrainConfigMapping", TrainMode.PostPretrain),
    ];

    [Fact]
    public void Each_table_holds_the_methods_limits_and_defaults_of_its_version()
    {
        using var source = Given.Resource("model_limits.json");
        var limits = 0;
        var defaults = 0;
        foreach (var (key, version, models, configs, mode) in s_tables)
        {
            var table = source.RootElement.GetProperty(key);
            foreach (var model in table.GetProperty(models).EnumerateObject())
            {
                var info = ModelInfo.Find(model.Name, mode, version).ShouldNotBeNull($"{key} {model.Name}");
                info.BaseModel.ShouldBe(model.Value.GetProperty("base_model_type").GetString());
                var methods = model.Value.GetProperty("support_peft_types").EnumerateArray().Select(m => new PeftType(m.GetString()!)).ToList();
                info.PeftTypes.ShouldBe(methods.Select(m => m.Normalized), ignoreOrder: true);
                foreach (var method in methods)
                {
                    var at = $"{key} {model.Name} {method}";
                    limits += CheckLimits(info, model.Value, method, at);
                    defaults += table.GetProperty(configs).TryGetProperty(model.Name, out var config) ? CheckDefaults(info, config, method, at) : 0;
                }
            }
        }

        limits.ShouldBeGreaterThan(400);
        defaults.ShouldBeGreaterThan(150);
    }

    [Fact]
    public void The_seeds_table_holds_one_default_for_each_model_and_limits_nothing()
    {
        using var source = Given.Resource("model_limits.json");
        var models = source.RootElement.GetProperty("seed_0.2.0").GetProperty("models");
        foreach (var model in models.EnumerateObject())
        {
            var info = ModelInfo.Find(model.Name, TrainMode.Sft, SdkVersion.Seed).ShouldNotBeNull();
            info.BaseModel.ShouldBe(model.Value.GetProperty("base_model").GetString());
            CheckDefaults(info, model.Value.GetProperty("default"), info.DefaultPeftType, model.Name).ShouldBeGreaterThan(1);
            info.DefaultConfig().TrainsetRate.ShouldBe(20);
            info.Validate(new TrainConfig { Epoch = 1000 }).ShouldBeEmpty();
        }

        ModelInfo.KnownTrainTypes(SdkVersion.Seed).Count.ShouldBe(9);
        TrainAction.GetDefaultTrainConfig("ERNIE-Bot-turbo-0516", version: SdkVersion.Seed).BatchSize.ShouldBe(32);
        ModelInfo.Find("ERNIE-Bot-turbo-0516", TrainMode.Sft).ShouldBeNull("the default is the newest table");
    }

    [Fact]
    public void What_a_version_limits_is_refused_in_its_words()
    {
        ModelInfo.Find("ERNIE-Bot-turbo-0725", TrainMode.Sft, SdkVersion.V023)!.Validate(new TrainConfig { PeftType = PeftType.LoRA, LearningRate = 2e-5 }).Single().ShouldContain("takes 3E-05 to 0.001");
        ModelInfo.Find("ERNIE-Speed", TrainMode.PostPretrain)!.Validate(new TrainConfig { Epoch = 11 }).Single().ShouldContain("epoch is 11; ERNIE-Speed-8K with FullFineTuning takes 1 to 10.");
        ModelInfo.Find("CodeLlama-7B", TrainMode.Sft)!.Validate(new TrainConfig { PeftType = PeftType.LoRA, LoraTargetModules = ["self_attn.q_proj", "nowhere"] }).Single().ShouldContain("takes some of self_attn.q_proj");
    }

    [Theory]
    [InlineData("ALL", "FullFineTuning", "ALL")]
    [InlineData("P-tuning", "PromptTuning", "P-tuning")]
    [InlineData("FullFineTuning", "FullFineTuning", "ALL")]
    [InlineData("LoRA", "LoRA", "LoRA")]
    public void Methods_have_a_name_in_each_generation(string text, string v2, string v1) => (new PeftType(text).Normalized.Value, new PeftType(text).SeedName).ShouldBe((v2, v1));

    /// <summary>Limits of the method win over those of the model.</summary>
    private static int CheckLimits(ModelInfo info, JsonElement model, PeftType method, string at)
    {
        var expected = new Dictionary<string, string>();
        foreach (var group in new[] { model.GetProperty("common_params_limit"), Method(model, method) })
        {
            foreach (var limit in group.ValueKind == JsonValueKind.Object ? group.EnumerateObject().ToList() : [])
            {
                if (limit.Value.ValueKind == JsonValueKind.Array && limit.Name != "supported_hyper_params")
                {
                    expected[Wire(limit.Name)] = List(limit.Value.EnumerateArray());
                }
            }
        }

        var actual = info.Parameters(method).Where(p => p.CheckValue.Count > 0).ToDictionary(p => p.Key, p => List(p.CheckValue));
        actual.ShouldBe(expected, ignoreOrder: true, at);
        return expected.Count;
    }

    private static JsonElement Method(JsonElement model, PeftType method) =>
        model.TryGetProperty("specific_peft_types_params_limit", out var methods) && methods.ValueKind == JsonValueKind.Object && methods.TryGetProperty(method.Value, out var limits) ? limits : default;

    private static int CheckDefaults(ModelInfo info, JsonElement config, PeftType method, string at)
    {
        if (config.TryGetProperty("peft_type", out var one) && new PeftType(one.GetString()!).Normalized != method.Normalized)
        {
            info.DefaultConfig(method).ToHyperParameters().ShouldBeEmpty(at);
            return 0;
        }

        var values = config.TryGetProperty("peft_type", out _) ? config : config.TryGetProperty(method.Value, out var own) ? own : default;
        var expected = values.ValueKind != JsonValueKind.Object
            ? []
            : values.EnumerateObject().Where(v => v.Value.ValueKind != JsonValueKind.Null && v.Name is not ("peft_type" or "trainset_rate" or "extras")).ToDictionary(v => Wire(v.Name), v => Text(v.Value));
        info.DefaultConfig(method).ToHyperParameters().ToDictionary(p => p.Key, p => Text(JsonSerializer.SerializeToElement(p.Value))).ShouldBe(expected, ignoreOrder: true, at);
        return expected.Count;
    }

    private static string List(IEnumerable<JsonElement> values) => string.Join(", ", values.Select(Text));

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble().ToString(System.Globalization.CultureInfo.InvariantCulture) : JsonNode.Parse(value.GetRawText())!.ToJsonString();

    private static string Wire(string name)
    {
        name = name.Replace("_limit", "", StringComparison.Ordinal).Replace("_options", "", StringComparison.Ordinal);
        var parts = (name == "log_steps" ? "logging_steps" : name).Split('_');
        return parts[0] + string.Concat(parts.Skip(1).Select(p => char.ToUpperInvariant(p[0]) + p[1..]));
    }
}
