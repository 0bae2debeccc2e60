using System.Text.Json;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>What the form of a new run offers, of all that a platform says can be set.</summary>
public sealed class TrainFieldsTests
{
    [Fact]
    public void Numbers_and_choices_are_offered_everyday_ones_first_and_lists_are_not()
    {
        var model = Of(
            Parameter("keepBest", "string", "choice", "False", "True"),
            Parameter("loraTargetModules", "array", "mult_choice", "self_attn.q_proj"),
            Parameter("earlyStopPatience", "int", "range", 0, 1000),
            Parameter("activationCheckpointing", "string", "choice", "False", "True"),
            Parameter("precision", "string", "choice", "auto", "fp32", "bf16"),
            Parameter("Packing", "string", "choice", "False", "True"),
            Parameter("epoch", "int", "range", 1, 50),
            Parameter("invented", "int", "range", 1, 2));

        var fields = model.Methods.ShouldHaveSingleItem().Fields;
        fields.Select(f => f.Key).ShouldBe(["epoch", "Packing", "activationCheckpointing", "precision", "earlyStopPatience", "keepBest"]);
        fields[1].Choices.ShouldBe(["False", "True"]);
        fields[1].Accepts("True").ShouldBeTrue();
        fields[1].Accepts("Perhaps").ShouldBeFalse();
        fields[4].Accepts("0").ShouldBeTrue();
        fields[4].Accepts("1.5").ShouldBeFalse();
    }

    [Fact]
    public void Values_go_out_by_their_names_on_the_wire()
    {
        var config = BaseModelOption.ConfigOf("LoRA", new Dictionary<string, string> { ["Packing"] = "True", ["gradientAccumulationSteps"] = "4" }, 10);

        config.ToHyperParameters().ToJsonString().ShouldBe("""{"Packing":"True","gradientAccumulationSteps":4}""");
        config.TrainsetRate.ShouldBe(10);
    }

    private static BaseModelOption Of(params SupportedHyperParameter[] parameters) => BaseModelOption.From(
    [
        new SupportedModel
        {
            Model = "qianfan-tiny",
            SupportTrainMode = [new SupportedTrainMode { TrainMode = TrainMode.Sft, SupportParameterScale = [new SupportedParameterScale { ParameterScale = "LoRA", SupportHyperParameterConfig = parameters }] }],
        },
    ], TrainMode.Sft)[0];

    private static SupportedHyperParameter Parameter(string key, string type, string check, params object[] values) => new()
    {
        Key = key,
        Type = type,
        CheckType = check,
        CheckValue = [.. values.Select(v => JsonSerializer.SerializeToElement(v))],
        Default = JsonSerializer.SerializeToElement(values[0]),
    };
}
