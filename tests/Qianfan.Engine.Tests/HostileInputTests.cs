using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Text;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Files that are damaged or made to do damage end in a refusal with a reason, never in a crash, and never in a read outside the file.</summary>
[Collection(TorchTests.Name)]
public sealed class HostileInputTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Gen<string> Pick(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    /// <summary>Values that somebody might put where another belongs.</summary>
    private static readonly Gen<string> s_values = Pick("null", "true", "-1", "0", "1", "2", "7", "1e308", "1e400", "2147483648", "9223372036854775807", "0.5", "\"\"", "\"x\"", "\"\\u0000\"", "\"half\"", "[]", "[0]", "[[]]", "{}",
        "{\"type\":\"Sequence\"}", "{\"type\":\"BPE\"}", "{\"String\":\"\"}", "{\"Regex\":\"(a+)+$\"}", "[\"a\",\"b\",\"c\"]", "{\"a\":-5}", "\"../../../etc/passwd\"");

    /// <summary>Puts random values at random places of a JSON file, or takes members away.</summary>
    private void FuzzJson(string name, Action read, int rounds = 250)
    {
        var good = File.ReadAllText(_folder.At(name));
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, int.MaxValue].Array[3], s_values.Array[3]).Sample((edits, places, values) =>
        {
            var root = JsonNode.Parse(good)!;
            for (var i = 0; i < edits; i++)
                Edit(root, places[i], values[i]);
            // What writes JSON here refuses to write half of a character.
            File.WriteAllText(_folder.At(name), root.ToJsonString().Replace("\"half\"", "\"\\ud800\"", StringComparison.Ordinal));
            Refused(read);
        }, iter: rounds, threads: 1);
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 40], Pick("", "{", "\"", "]", "\\", "\u0000", "💥")).Sample((at, length, by) =>
        {
            File.WriteAllText(_folder.At(name), good[..at] + by + good[Math.Min(good.Length, at + length)..]);
            Refused(read);
        }, iter: rounds, threads: 1);
        File.WriteAllText(_folder.At(name), new string('[', 100_000));
        Refused(read);
        File.WriteAllText(_folder.At(name), good);
    }

    private static void Edit(JsonNode root, int place, string value)
    {
        var node = root;
        while (true)
        {
            var next = node switch
            {
                JsonObject map when map.Count > 0 => map.ElementAt(place % map.Count).Value,
                JsonArray list when list.Count > 0 => list[place % list.Count],
                _ => null,
            };
            // Deep or shallow: either may be where it hurts.
            if (next is not (JsonObject or JsonArray) || place % 5 == 0)
                break;
            node = next;
            place = place / 7 + 1;
        }
        if (node is JsonObject parent && parent.Count > 0)
        {
            var key = parent.ElementAt(place % parent.Count).Key;
            if (place % 11 == 0)
                parent.Remove(key);
            else
                parent[key] = Parse(value);
        }
        else if (node is JsonArray items && items.Count > 0)
        {
            items[place % items.Count] = Parse(value);
        }
    }

    private static JsonNode? Parse(string value)
    {
        using var document = JsonDocument.Parse(value);
        return JsonSerializer.SerializeToNode(document.RootElement);
    }

    private static void Refused(Action read)
    {
        try
        {
            read();
        }
        catch (EngineException exception)
        {
            exception.Code.ShouldBeOneOf(WorkerErrors.InvalidModel, WorkerErrors.InvalidArgument);
            exception.Message.ShouldNotBeNullOrWhiteSpace();
        }
    }

    [Fact]
    public void A_damaged_tokenizer_is_read_or_refused()
    {
        File.Copy(Golden.At("tokenizers", "llama2", "tokenizer.json"), _folder.At("tokenizer.json"));
        FuzzJson("tokenizer.json", Read, 120);
        File.Copy(Golden.At("tokenizers", "qwen", "tokenizer.json"), _folder.At("tokenizer.json"), overwrite: true);
        FuzzJson("tokenizer.json", Read, 120);

        void Read()
        {
            var tokenizer = TextTokenizer.Read(_folder.Path);
            tokenizer.Decode(tokenizer.EncodeWhole("The sky 天 aaaaaaaaaaaaaaaa! \ud800"));
        }
    }

    [Fact]
    public void A_damaged_model_is_read_or_refused()
    {
        TinyModel.Write(_folder.Path, TinyModel.Shape("qwen3"));
        foreach (var name in (string[])["config.json", "generation_config.json", "tokenizer_config.json"])
            FuzzJson(name, () => ServedModel.Load(_folder.Path, null, 1), 60);
    }

    [Fact]
    public void A_damaged_index_or_adapter_is_read_or_refused()
    {
        var shape = TinyModel.Write(_folder.Path);
        File.Move(_folder.At("model.safetensors"), _folder.At("a.safetensors"));
        File.WriteAllText(_folder.At("model.safetensors.index.json"), JsonSerializer.Serialize(new { weight_map = shape.Weights().ToDictionary(weight => weight.Name, _ => "a.safetensors") }));
        FuzzJson("model.safetensors.index.json", () =>
        {
            using var files = WeightFiles.Open(_folder.Path);
            files.ReadAll(shape);
        });
        new SafetensorsWriter().Write(_folder.At("adapter_model.safetensors"));
        File.WriteAllText(_folder.At("adapter_config.json"), PeftAdapter.ConfigJson("x", 2, 4, 0));
        FuzzJson("adapter_config.json", () => PeftAdapter.Read(_folder.Path, shape));
    }

    [Fact]
    public void Damaged_weights_are_read_or_refused()
    {
        var writer = new SafetensorsWriter().Describe("format", "pt");
        writer.Add("a", [2, 3], WeightFormat.F32, new float[6]);
        writer.Add("b", [5], WeightFormat.BF16, new float[5]);
        writer.Write(_folder.At("x.safetensors"));
        var good = File.ReadAllBytes(_folder.At("x.safetensors"));
        Gen.Select(Gen.Int[0, good.Length], Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Array[0, 6]).Sample((length, edits) =>
        {
            var bad = good[..(length % 3 == 0 ? length : good.Length)];
            foreach (var (at, value) in edits.Where(edit => edit.Item1 < bad.Length))
                bad[at] = value;
            File.WriteAllBytes(_folder.At("x.safetensors"), bad);
            Refused(() =>
            {
                using var file = SafetensorsFile.Open(_folder.At("x.safetensors"));
                foreach (var (name, tensor) in file.Tensors)
                {
                    file.Read(name).LongLength.ShouldBe(tensor.Elements);
                    (tensor.Offset + tensor.Elements * (tensor.Format == WeightFormat.F32 ? 4 : 2)).ShouldBeLessThanOrEqualTo(bad.Length);
                }
            });
        }, iter: 1500, threads: 1);
    }

    [Fact]
    public void A_chat_template_of_random_pieces_renders_or_is_refused()
    {
        var tokenizer = TextTokenizer.Read(Golden.At("tokenizers", "qwen"));
        var piece = Pick("{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", " if ", " else ", " elif ", " endif ", " for ", " in ", " endfor ", " set ", " endset ", " macro ", " endmacro ", " break ", " messages ", " loop.index0 ", " x ", "'a'", "1", "-1", "9223372036854775807",
            "+", "-", "*", "//", "%", "~", "==", "<", "(", ")", "[", "]", "{", "}", ":", ",", ".", "=", "|", " trim", " length", " join", " list", " first", " tojson", " int", " abs", " map", " selectattr", " indent", " replace", ".split(", ".strip(", ".items()", " is ", " not ", " defined ", " none ", " divisibleby ", " range(3) ", " namespace() ", "\n", "text");
        // Tags that close, so that more of them run.
        var tag = Gen.Select(Pick("{{ ", "{% set x = ", "{% for x in ", "{% if "), piece.Array[1, 6]).Select((open, words) =>
            open + string.Concat(words) + (open[1] == '{' ? " }}" : " %}") + (open.Contains("for", StringComparison.Ordinal) ? "{{ x }}{% endfor %}" : open.Contains(" if", StringComparison.Ordinal) ? "y{% endif %}" : ""));
        Gen.OneOf(piece.Array[0, 20].Select(string.Concat), tag.Array[1, 4].Select(string.Concat)).Sample(source =>
            Refused(() => new ChatTemplate(tokenizer, source).Prompt([new("user", "a"), new("assistant", "b"), new("user", "c")])), iter: 20_000, threads: 1);
    }

    [Fact]
    public void Weights_that_are_no_numbers_are_refused_by_name_when_the_model_is_loaded()
    {
        var shape = TinyModel.Write(_folder.Path);
        var weights = TinyModel.Weights(shape);
        weights[WeightNames.Value(1)][3] = float.NaN;
        TinyModel.WriteWeights(_folder.Path, shape, weights);
        var refusal = Should.Throw<EngineException>(() => ServedModel.Load(_folder.Path, null, 1));
        refusal.Code.ShouldBe(WorkerErrors.InvalidModel);
        refusal.Message.ShouldContain(WeightNames.Value(1));
    }

    [Fact]
    public void A_model_that_does_not_fit_into_memory_is_refused_before_it_is_read()
    {
        TinyModel.Write(_folder.Path);
        TinyModel.WriteRows(_folder.At("rows.jsonl"));
        var needed = ModelShape.Read(_folder.Path).ParameterCount * 4;
        ServedModel.Load(_folder.Path, null, 1, needed).MemoryBytes.ShouldBe(needed);
        Should.Throw<EngineException>(() => ServedModel.Load(_folder.Path, null, 1, needed - 1)).Code.ShouldBe(WorkerErrors.OutOfMemory);
        var start = new StartTraining(_folder.At("task"), _folder.Path, _folder.At("rows.jsonl"), TinyModel.Config());
        Should.Throw<EngineException>(() => new TrainingJob(start, _ => { }, TimeProvider.System, needed * 5 - 1).Run(TestContext.Current.CancellationToken)).Message.ShouldContain("of memory");
        MemoryBudget.Available().ShouldBeGreaterThan(needed);
    }

    [Fact]
    public void Ten_thousand_stop_texts_are_refused()
    {
        TinyModel.Write(_folder.Path);
        var sent = new List<WorkerMessage>();
        var engine = new ServingEngine(sent.Add, new PagePool(16 << 20));
        engine.Add(new LoadModel("load", "m", _folder.Path), ServedModel.Load(_folder.Path, null, 1));
        engine.Handle(new Generate("r", "m", null, "x", new SamplingConfig { Stop = [.. Enumerable.Range(0, 10_000).Select(i => $"stop {i}")] }));
        engine.HasWork.ShouldBeFalse();
        var failed = sent.OfType<RequestFailed>().Single();
        (failed.RequestId, failed.Code).ShouldBe(("r", WorkerErrors.InvalidArgument));
        failed.Message.ShouldContain("10000 stop texts");
    }
}
