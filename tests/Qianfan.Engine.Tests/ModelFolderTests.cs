using System.Text.Json.Nodes;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ModelFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_shape_of_a_config_comes_back()
    {
        var shape = TinyModel.Write(_folder.Path, tied: false);
        ModelShape.Read(_folder.Path).ShouldBe(shape);
    }

    [Theory]
    [InlineData("model_type", "\"mamba\"", "model_type is mamba")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is gelu")]
    [InlineData("attention_bias", "true", "attention_bias is true")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":2}", "rope_scaling")]
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
