using System.Text.Json.Nodes;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ModelFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(TinyModel.Kinds), MemberType = typeof(TinyModel))]
    public void The_shape_of_a_config_comes_back(string kind)
    {
        var shape = TinyModel.Write(_folder.Path, TinyModel.Shape(kind));
        // YaRN's sharpness is written as the number that it comes to.
        shape = shape with { Rope = shape.Rope.Kind == RopeKind.Yarn ? shape.Rope with { AttentionFactor = shape.Rope.Magnitude } : shape.Rope };
        var read = ModelShape.Read(_folder.Path);
        read.Windows.ShouldBe(shape.Windows);
        (read with { Windows = shape.Windows }).ShouldBe(shape);
    }

    [Fact]
    public void Older_configs_leave_out_what_newer_ones_say()
    {
        TinyModel.Write(_folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("config.json")))!.AsObject();
        foreach (var name in (string[])["num_key_value_heads", "head_dim", "rope_theta", "rope_scaling", "attention_bias", "mlp_bias", "tie_word_embeddings", "layer_types"])
            config.Remove(name);
        File.WriteAllText(_folder.At("config.json"), config.ToJsonString());
        var shape = ModelShape.Read(_folder.Path);
        (shape.KeyValueHeads, shape.HeadSize, shape.RopeTheta, shape.TiedEmbeddings).ShouldBe((4, 8, 10000, false));
    }

    [Fact]
    public void Qwens_window_counts_only_where_it_is_switched_on_and_from_its_layer_on()
    {
        TinyModel.Write(_folder.Path, TinyModel.Shape("qwen2"));
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("config.json")))!.AsObject();
        config.Remove("layer_types");
        config["sliding_window"] = 7;
        config["max_window_layers"] = 1;
        Windows().ShouldBeEmpty();
        config["use_sliding_window"] = true;
        Windows().ShouldBe([int.MaxValue, 7]);
        config["sliding_window"] = 96;
        Windows().ShouldBeEmpty();

        IReadOnlyList<int> Windows()
        {
            File.WriteAllText(_folder.At("config.json"), config.ToJsonString());
            return ModelShape.Read(_folder.Path).Windows;
        }
    }

    [Fact]
    public void Dynamic_scaling_changes_nothing_up_to_the_original_context_and_ends_there()
    {
        TinyModel.Write(_folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("config.json")))!;
        config["rope_scaling"] = JsonNode.Parse("""{"type":"dynamic","factor":4,"original_max_position_embeddings":48}""");
        File.WriteAllText(_folder.At("config.json"), config.ToJsonString());
        var shape = ModelShape.Read(_folder.Path);
        (shape.ContextLength, shape.Rope).ShouldBe((48, RopeScaling.None));
    }

    [Theory]
    [InlineData("model_type", "\"mamba\"", "model_type is mamba")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is gelu")]
    [InlineData("architectures", "[\"LlamaForSequenceClassification\"]", "LlamaForSequenceClassification")]
    [InlineData("attention_bias", "\"yes\"", "attention_bias is yes")]
    [InlineData("partial_rotary_factor", "0.5", "partial_rotary_factor is 0.5")]
    [InlineData("quantization_config", "{\"bits\":4}", "quantization_config is not supported")]
    [InlineData("rope_scaling", "{\"type\":\"longrope\",\"factor\":2}", "rope_type longrope")]
    [InlineData("rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":2,\"mscale\":0.7}", "mscale in rope_scaling")]
    [InlineData("rope_scaling", "{\"type\":\"linear\"}", "factor is missing")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":-2}", "factor in rope_scaling is -2")]
    [InlineData("rope_parameters", "7", "rope_parameters is not an object")]
    [InlineData("sliding_window", "32", "sliding_window is not supported")]
    [InlineData("num_key_value_heads", "3", "no multiple")]
    [InlineData("hidden_size", "\"many\"", "hidden_size is many")]
    [InlineData("num_hidden_layers", "-1", "num_hidden_layers is -1")]
    [InlineData("torch_dtype", "\"int8\"", "int8")]
    public void What_is_not_supported_is_refused_with_its_reason(string name, string value, string reason)
    {
        TinyModel.Write(_folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("config.json")))!;
        config[name] = JsonNode.Parse(value);
        File.WriteAllText(_folder.At("config.json"), config.ToJsonString());
        var refusal = Should.Throw<EngineException>(() => ModelShape.Read(_folder.Path));
        refusal.Code.ShouldBe(WorkerErrors.InvalidModel);
        refusal.Message.ShouldContain(reason);
    }

    [Fact]
    public void A_weight_of_another_shape_is_refused()
    {
        TinyModel.Write(_folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("config.json")))!;
        config["intermediate_size"] = 53;
        File.WriteAllText(_folder.At("config.json"), config.ToJsonString());
        Should.Throw<EngineException>(() => ServedModel.Load(_folder.Path, null, 1)).Message.ShouldContain("gate_proj");
    }

    [Fact]
    public void A_sharded_checkpoint_is_read_and_an_index_cannot_point_elsewhere()
    {
        var shape = TinyModel.Write(_folder.Path);
        var map = new JsonObject();
        Dictionary<string, float[]> expected;
        using (var whole = WeightFiles.Open(_folder.Path))
            expected = whole.ReadAll(shape);
        foreach (var (part, index) in shape.Weights().Chunk(9).Select((part, index) => (part, index)))
        {
            var writer = new SafetensorsWriter();
            foreach (var (name, size) in part)
            {
                writer.Add(name, size, WeightFormat.F32, expected[name]);
                map[name] = $"part-{index}.safetensors";
            }
            writer.Write(_folder.At($"part-{index}.safetensors"));
        }
        File.Delete(_folder.At(WeightFiles.SingleFile));
        File.WriteAllText(_folder.At("model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        using (var sharded = WeightFiles.Open(_folder.Path))
            sharded.ReadAll(shape)[WeightNames.Norm].ShouldBe(expected[WeightNames.Norm]);

        map[WeightNames.Norm] = "../secret.safetensors";
        File.WriteAllText(_folder.At("model.safetensors.index.json"), new JsonObject { ["weight_map"] = map.DeepClone() }.ToJsonString());
        Should.Throw<EngineException>(() => WeightFiles.Open(_folder.Path)).Message.ShouldContain("../secret.safetensors");
    }
}
