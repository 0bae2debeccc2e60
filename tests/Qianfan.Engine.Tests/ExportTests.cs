using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Exports;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<WorkerMessage> _sent = [];

    public void Dispose() => _folder.Dispose();

    private int Run(params string[] words) => ExportCommand.Run(words, _sent.Add);

    private ExportFailed Failure() => _sent.OfType<ExportFailed>().Single();

    private ModelShape WriteModel(string kind = "llama")
    {
        Directory.CreateDirectory(_folder.At("model"));
        var shape = TinyModel.Write(_folder.At("model"), TinyModel.Shape(kind) with { HiddenSize = 64, HeadSize = 16, IntermediateSize = 96 });
        TinyModel.WriteWeights(_folder.At("model"), shape, TinyModel.Weights(shape));
        return shape;
    }

    private PeftAdapter WriteAdapter(ModelShape shape)
    {
        var random = new SeededRandom(4);
        var writer = new SafetensorsWriter().Describe("qianfan.base", "model").Describe("qianfan.rows_sha256", "abc").Describe("qianfan.steps", "12");
        foreach (var (name, outputs, inputs) in Enumerable.Range(0, shape.Layers).SelectMany(shape.Linears).Where(linear => linear.Name.Contains("q_proj", StringComparison.Ordinal)))
        {
            writer.Add(WeightNames.LoraA(name), [2, inputs], WeightFormat.F32, [.. Enumerable.Range(0, 2 * inputs).Select(_ => (float)(0.1 * random.NextNormal()))]);
            writer.Add(WeightNames.LoraB(name), [outputs, 2], WeightFormat.F32, [.. Enumerable.Range(0, 2 * outputs).Select(_ => (float)(0.1 * random.NextNormal()))]);
        }
        writer.Write(_folder.At("adapter", PeftAdapter.WeightsFile));
        File.WriteAllText(_folder.At("adapter", PeftAdapter.ConfigFile), PeftAdapter.ConfigJson("model", 2, 4, 0));
        return PeftAdapter.Read(_folder.At("adapter"), shape);
    }

    [Fact]
    public void A_merged_folder_serves_like_the_model_with_its_adapter_and_says_where_it_comes_from()
    {
        WriteAdapter(WriteModel());
        Run("--model", _folder.At("model"), "--adapter", _folder.At("adapter"), "--format", "safetensors", "--out", _folder.At("out")).ShouldBe(0);
        var expected = ServedModel.Load(_folder.At("model"), _folder.At("adapter"), 1);
        var actual = ServedModel.Load(_folder.At("out"), null, 1);
        int[] tokens = [5, 300, 17, 42];
        float[] Hidden(ServedModel model) => model.Decoder.Forward([new(new KeyValueCache(model.Shape), tokens, model.Adapter)]).ToArray();
        // Added beside the weights or to them: only the rounding differs.
        foreach (var (merged, beside) in Hidden(actual).Zip(Hidden(expected)))
            merged.ShouldBe(beside, 1e-4f);
        Hidden(actual).ShouldNotBe(Hidden(ServedModel.Load(_folder.At("model"), null, 1)));

        using var file = SafetensorsFile.Open(_folder.At("out", "model.safetensors"));
        file.Metadata["qianfan.rows_sha256"].ShouldBe("abc");
        File.ReadAllText(_folder.At("out", "README.md")).ShouldContain("| training rows (SHA-256) | abc |");
        Checked(Directory.GetFiles(_folder.At("out")));
        _sent.OfType<ExportProgress>().Last().ShouldBe(new ExportProgress(4 * actual.Shape.ParameterCount, 4 * actual.Shape.ParameterCount));
    }

    [Fact]
    public void An_adapter_leaves_as_PEFT_reads_it()
    {
        WriteAdapter(WriteModel());
        Run("--model", _folder.At("model"), "--adapter", _folder.At("adapter"), "--format", "adapter", "--out", _folder.At("out")).ShouldBe(0);
        Directory.GetFiles(_folder.At("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(["README.md", "adapter_config.json", "adapter_model.safetensors"]);
        File.ReadAllBytes(_folder.At("out", PeftAdapter.WeightsFile)).ShouldBe(File.ReadAllBytes(_folder.At("adapter", PeftAdapter.WeightsFile)));
        File.ReadAllText(_folder.At("out", "README.md")).ShouldContain("library_name: peft");
        Checked(Directory.GetFiles(_folder.At("out")));
    }

    [Fact]
    public void Weights_above_the_size_of_a_file_are_written_to_several_with_an_index()
    {
        var shape = WriteModel();
        const int most = 100_000;
        Run("--model", _folder.At("model"), "--format", "safetensors", "--out", _folder.At("out"), "--shard-bytes", $"{most}").ShouldBe(0);
        var index = JsonNode.Parse(File.ReadAllText(_folder.At("out", "model.safetensors.index.json")))!;
        var map = index["weight_map"]!.AsObject().ToDictionary(entry => entry.Key, entry => (string)entry.Value!);
        ((long)index["metadata"]!["total_size"]!).ShouldBe(4 * shape.ParameterCount);
        map.Keys.ShouldBe(shape.Weights().Select(weight => weight.Name), ignoreOrder: true);
        var shards = map.Values.Distinct().Order(StringComparer.Ordinal).ToList();
        shards.Count.ShouldBeGreaterThan(2);
        shards.ShouldBe(Enumerable.Range(1, shards.Count).Select(number => $"model-{number:00000}-of-{shards.Count:00000}.safetensors"));
        Directory.GetFiles(_folder.At("out"), "*.safetensors").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ShouldBe(shards);
        foreach (var shard in shards)
        {
            using var file = SafetensorsFile.Open(_folder.At("out", shard));
            file.Tensors.Keys.ShouldBe(map.Where(entry => entry.Value == shard).Select(entry => entry.Key), ignoreOrder: true);
            var bytes = 4 * file.Tensors.Values.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
            // A weight that is larger than a file has one of its own.
            (bytes <= most || file.Tensors.Count == 1).ShouldBeTrue($"{shard} has {bytes} bytes");
        }

        using var written = WeightFiles.Open(_folder.At("out"));
        using var model = WeightFiles.Open(_folder.At("model"));
        var expected = model.ReadAll(shape);
        foreach (var (name, values) in written.ReadAll(shape))
            values.ShouldBe(expected[name]);
        Checked(Directory.GetFiles(_folder.At("out")));
        _sent.OfType<ExportProgress>().Last().ShouldBe(new ExportProgress(4 * shape.ParameterCount, 4 * shape.ParameterCount));
    }

    [Theory]
    [InlineData("safetensors")]
    [InlineData("gguf-f16")]
    public void When_nobody_listens_any_more_the_export_ends_and_leaves_nothing(string format)
    {
        WriteModel();
        var heard = 0;
        Should.Throw<IOException>(() => ExportCommand.Run(["--model", _folder.At("model"), "--format", format, "--out", _folder.At("out")], _ =>
        {
            if (++heard > 3)
                throw new IOException("gone");
        }));
        Directory.GetFileSystemEntries(_folder.Path).ShouldBe([_folder.At("model")]);
    }

    [Theory]
    [InlineData("gguf-f32", 0, 0)]
    [InlineData("gguf-f16", 1, 0.001)]
    [InlineData("gguf-q8_0", 8, 0.01)]
    [InlineData("gguf-q4_0", 2, 0.15)]
    public void A_GGUF_file_holds_the_merged_weights_as_precisely_as_its_type(string format, int type, double tolerance)
    {
        var shape = WriteModel("qwen3");
        var adapter = WriteAdapter(shape);
        Run("--model", _folder.At("model"), "--adapter", _folder.At("adapter"), "--format", format, "--out", _folder.At("x.gguf"), "--name", "tiny").ShouldBe(0);
        Checked([_folder.At("x.gguf")]);
        var file = GgufFile.Read(_folder.At("x.gguf"));
        file.Values["general.architecture"].ShouldBe("qwen3");
        file.Values["general.name"].ShouldBe("tiny");
        file.Values["qianfan.rows_sha256"].ShouldBe("abc");
        file.Values["qwen3.attention.head_count_kv"].ShouldBe(2u);
        file.Values["tokenizer.chat_template"].ShouldBe(Text.ChatTemplate.Source);
        file.Values["tokenizer.ggml.eos_token_id"].ShouldBe((uint)shape.VocabularySize - 1);
        ((object[])file.Values["tokenizer.ggml.tokens"]).Length.ShouldBe(shape.VocabularySize);

        using var files = WeightFiles.Open(_folder.At("model"));
        var weights = files.ReadAll(shape);
        adapter.MergeInto(weights);
        file.Tensors.Count.ShouldBe(weights.Count);
        file.Tensors["blk.1.attn_q.weight"].Type.ShouldBe(type);
        file.Tensors["blk.1.attn_q.weight"].Shape.ShouldBe([64L, 64L]);
        file.Tensors["blk.1.attn_norm.weight"].Type.ShouldBe(0);
        Near(file.Tensors["blk.1.attn_q.weight"].Values, weights[WeightNames.Query(1)]);
        Near(file.Tensors["blk.0.ffn_down.weight"].Values, weights[WeightNames.Down(0)]);
        Near(file.Tensors["token_embd.weight"].Values, weights[WeightNames.Embedding]);
        file.Tensors["output_norm.weight"].Values.ShouldBe(weights[WeightNames.Norm]);

        void Near(float[] actual, float[] expected)
        {
            actual.Length.ShouldBe(expected.Length);
            var largest = expected.Max(Math.Abs);
            for (var i = 0; i < expected.Length; i++)
                Math.Abs(actual[i] - expected[i]).ShouldBeLessThanOrEqualTo((float)(tolerance * largest));
        }
    }

    [Fact]
    public void Rows_that_fill_no_block_are_stored_in_16_bits()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
        Run("--model", _folder.At("model"), "--format", "gguf-q8_0", "--out", _folder.At("x.gguf")).ShouldBe(0);
        var file = GgufFile.Read(_folder.At("x.gguf"));
        file.Tensors["blk.0.ffn_down.weight"].Type.ShouldBe(1);
        file.Tensors["blk.0.ffn_up.weight"].Type.ShouldBe(8);
    }

    [Theory]
    [InlineData("qwen3, biases", "biases")]
    [InlineData("qwen2", "head_dim")]
    public void What_llama_cpp_has_no_form_for_is_refused_with_its_reason(string kind, string reason)
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"), TinyModel.Shape(kind) with { HeadSize = 16 });
        Run("--model", _folder.At("model"), "--format", "gguf-f16", "--out", _folder.At("x.gguf")).ShouldBe(1);
        Failure().Code.ShouldBe(WorkerErrors.InvalidModel);
        Failure().Message.ShouldContain(reason);
        Directory.GetFiles(_folder.Path).ShouldBeEmpty();
    }

    [Fact]
    public void A_way_of_cutting_text_that_llama_cpp_does_not_know_is_refused()
    {
        WriteModel();
        var root = JsonNode.Parse(File.ReadAllText(_folder.At("model", "tokenizer.json")))!;
        root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = @"\S+|\s+";
        File.WriteAllText(_folder.At("model", "tokenizer.json"), root.ToJsonString());
        Run("--model", _folder.At("model"), "--format", "gguf-f16", "--out", _folder.At("x.gguf")).ShouldBe(1);
        Failure().Message.ShouldContain(@"\S+|\s+");
    }

    [Theory]
    [InlineData(float.NaN, "gguf-f32", "not numbers")]
    [InlineData(float.PositiveInfinity, "safetensors", "not numbers")]
    [InlineData(1e6f, "gguf-f16", "too large for 16 bits")]
    public void Weights_that_are_no_numbers_or_do_not_fit_are_refused_and_nothing_is_left(float value, string format, string reason)
    {
        var shape = WriteModel();
        var weights = TinyModel.Weights(shape);
        weights[WeightNames.Up(1)][7] = value;
        TinyModel.WriteWeights(_folder.At("model"), shape, weights);
        Run("--model", _folder.At("model"), "--format", format, "--out", _folder.At("out")).ShouldBe(1);
        Failure().Message.ShouldContain(reason);
        Failure().Message.ShouldContain("up");
        Directory.GetFileSystemEntries(_folder.Path).ShouldBe([_folder.At("model")]);
    }

    [Fact]
    public void Wrong_words_are_answered_with_what_is_wrong()
    {
        WriteModel();
        Directory.CreateDirectory(_folder.At("full"));
        File.WriteAllText(_folder.At("full", "mine.txt"), "mine");
        foreach (var (words, reason) in new (string[], string)[]
        {
            (["--model", _folder.At("model"), "--out", _folder.At("x")], "--format"),
            (["--model", _folder.At("model"), "--out", _folder.At("x"), "--format", "onnx"], "onnx"),
            (["--model", _folder.At("model"), "--out", _folder.At("x"), "--format", "adapter"], "--adapter"),
            (["--model", _folder.At("model"), "--out", _folder.At("full"), "--format", "safetensors"], "not empty"),
            (["--model", _folder.At("model"), "--out", _folder.At("x"), "--format", "safetensors", "--shard-bytes", "0"], "--shard-bytes"),
            (["--model", _folder.At("nowhere"), "--out", _folder.At("x"), "--format", "gguf-f16"], "config.json is missing"),
        })
        {
            _sent.Clear();
            Run(words).ShouldBe(1);
            Failure().Message.ShouldContain(reason);
        }
        File.ReadAllText(_folder.At("full", "mine.txt")).ShouldBe("mine");
    }

    [Fact]
    public async Task The_program_says_how_far_it_is_and_what_it_wrote()
    {
        WriteModel();
        await using var worker = new Worker("export", "--model", _folder.At("model"), "--format", "gguf-q8_0", "--out", _folder.At("x.gguf"));
        (await worker.ExpectAsync<WorkerHello>()).Mode.ShouldBe("export");
        await worker.ExpectAsync<ExportProgress>(progress => progress.DoneBytes == progress.TotalBytes);
        (await worker.ExpectAsync<ExportCompleted>()).Files.Single().Bytes.ShouldBe(new FileInfo(_folder.At("x.gguf")).Length);
        (await worker.EndAsync()).ShouldBe(0);
    }

    private void Checked(IEnumerable<string> paths) => _sent.OfType<ExportCompleted>().Single().Files.OrderBy(file => file.Path, StringComparer.Ordinal).ShouldBe(
        paths.Order(StringComparer.Ordinal).Select(path => new ExportedFile(path, new FileInfo(path).Length, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))))));
}
