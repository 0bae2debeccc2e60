using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Native;
using Qianfan.Engine.Text;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Pretraining;

/// <summary><c>Qianfan.Engine pretrain</c>: makes a base model from scratch out of the generated corpus. Started again with the same words, it goes on from its last checkpoint.</summary>
internal static class PretrainCommand
{
    private const int HeldOutDocuments = 1000;

    public static int Run(IReadOnlyList<string> words, TextWriter log, TimeProvider time, CancellationToken cancellationToken)
    {
        var options = new CommandLine(words, "out", "work", "start", "documents", "seed", "wordnet", "poems", "steps", "batch", "length", "context", "learning-rate", "threads",
            "vocabulary", "hidden", "intermediate", "layers", "heads", "kv-heads");
        var output = Path.GetFullPath(options.Required("out"));
        var work = Path.GetFullPath(options.Required("work"));
        var documents = options.Number("documents", CorpusCommand.DefaultDocuments);
        var seed = options.Number("seed", CorpusCommand.DefaultSeed);
        var threads = options.Number("threads", Environment.ProcessorCount);
        var steps = options.Number("steps", 2000);
        var length = options.Number("length", 256);
        var batchSize = options.Number("batch", 8);
        var learningRate = options.Fraction("learning-rate", 2e-3);
        var context = options.Number("context", 512);

        var generator = CorpusGenerator.Of(options);
        Directory.CreateDirectory(work);
        // A later round starts from the weights of an earlier one, with its vocabulary and shape.
        var start = options.Text("start") is { } folder ? Path.GetFullPath(folder) : null;
        if (start is not null)
            ModelFolder.CopyTexts(start, work);
        var tokenizer = Tokenizer(generator, work, documents, options.Number("vocabulary", 4096), context, log);
        var shape = start is not null ? ModelShape.Read(start) : new ModelShape
        {
            HiddenSize = options.Number("hidden", 256),
            IntermediateSize = options.Number("intermediate", 688),
            Layers = options.Number("layers", 4),
            Heads = options.Number("heads", 4),
            KeyValueHeads = options.Number("kv-heads", 2),
            HeadSize = options.Number("hidden", 256) / options.Number("heads", 4),
            VocabularySize = tokenizer.Size,
            ContextLength = context,
        };
        var stream = Tokens(generator, 0, documents, tokenizer, out var bytes);
        log.WriteLine($"{documents} documents, {bytes} bytes, {stream.Length} tokens ({(double)bytes / stream.Length:0.00} bytes a token), {shape.ParameterCount} parameters.");
        var heldOut = Tokens(generator, documents, HeldOutDocuments, tokenizer, out var heldOutBytes);
        var validation = new StreamBatches(heldOut, length, batchSize, seed);
        var validationBatches = Enumerable.Range(0, Math.Min(validation.StepsPerEpoch, 8)).SelectMany(validation.At).ToList();

        if (TorchRuntime.Start(threads) is { } mended)
            log.WriteLine($"Native library mended: {mended}");
        using var network = new LlamaNetwork(shape, start is null ? InitialWeights.Create(shape, seed) : StartWeights(start, shape));
        var source = new StreamBatches(stream, length, batchSize, seed);
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{shape};{Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(stream.AsSpan())))};{seed};{steps};{length};{batchSize};{learningRate}"))));
        var plan = new TrainingPlan(steps, new LearningRateSchedule("cosine", learningRate, steps, 0.03), WeightDecay: 0.1, MaxGradientNorm: 1,
            CheckpointSteps: 100, ValidationSteps: 100, LoggingSteps: 20, seed, fingerprint);
        using var loop = new TrainingLoop(network, source, validationBatches, plan, new CheckpointStore(Path.Combine(work, "checkpoints")), Log, time);
        if (!loop.Run(cancellationToken))
        {
            log.WriteLine($"Stopped after step {loop.State.Step}; the same command goes on from there.");
            return 1;
        }
        Save(output, work, network, shape, tokenizer, loop.State, documents, seed);
        var whole = Enumerable.Range(0, validation.StepsPerEpoch).SelectMany(validation.At).ToList();
        if (TrainingLoop.MeanLoss(network, whole, cancellationToken) is not { } loss)
            return 1;
        var bitsPerByte = loss / Math.Log(2) * heldOut.Length / heldOutBytes;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Done: {loop.State.Tokens} tokens; held out: {loss:0.0000} nats a token, {bitsPerByte:0.0000} bits a byte."));
        return 0;

        void Log(WorkerMessage message) => log.WriteLine(WorkerLine.Write(message));
    }

    private static Dictionary<string, float[]> StartWeights(string directory, ModelShape shape)
    {
        using var files = WeightFiles.Open(directory);
        return files.ReadAll(shape);
    }

    private static TextTokenizer Tokenizer(CorpusGenerator generator, string work, int documents, int vocabulary, int context, TextWriter log)
    {
        if (!File.Exists(Path.Combine(work, StopTokens.FileName)))
        {
            var trainer = new BpeTrainer();
            for (var index = 0; index < documents; index++)
            {
                var document = generator.At(index);
                if (document.Text is { } text)
                    trainer.Add(text);
                foreach (var turn in document.Messages ?? [])
                    trainer.Add($"{turn.Role}\n{turn.Content}");
            }
            var (tokens, merges) = trainer.Train(vocabulary - TokenizerFiles.Special.Count);
            TokenizerFiles.Write(work, tokens, merges, context);
            log.WriteLine($"Vocabulary of {tokens.Count} tokens and {TokenizerFiles.Special.Count} special ones.");
        }
        return TextTokenizer.Read(work);
    }

    private static int[] Tokens(CorpusGenerator generator, int start, int count, TextTokenizer tokenizer, out long bytes)
    {
        var template = new ChatTemplate(tokenizer);
        var end = tokenizer.SpecialTokens[ChatTemplate.EndOfText];
        var stream = new List<int>();
        bytes = 0;
        for (var index = start; index < start + count; index++)
        {
            var document = generator.At(index);
            if (document.Text is { } text)
            {
                stream.AddRange(tokenizer.Encode(text));
                bytes += Encoding.UTF8.GetByteCount(text);
            }
            else if (document.Messages is { } messages)
            {
                stream.AddRange(template.Training(messages).Tokens);
                bytes += messages.Sum(turn => Encoding.UTF8.GetByteCount(turn.Content) + turn.Role.Length + 2);
            }
            stream.Add(end);
        }
        return [.. stream];
    }

    private static void Save(string output, string work, LlamaNetwork network, ModelShape shape, TextTokenizer tokenizer, TrainingState state, int documents, int seed)
    {
        ModelFolder.CopyTexts(work, output);
        CheckpointFolder.WriteAtomically(Path.Combine(output, ModelConfig.FileName),
            ModelConfig.Write(shape, tokenizer.SpecialTokens[ChatTemplate.TurnEnd], tokenizer.SpecialTokens[ChatTemplate.EndOfText]));
        ModelFolder.WriteWeights(output, network, shape, new Dictionary<string, string>
        {
            ["format"] = "pt",
            ["qianfan.origin"] = "Qianfan.Engine pretrain",
            ["qianfan.corpus"] = JsonSerializer.Serialize(new { documents, seed }),
            ["qianfan.steps"] = state.Step.ToString(CultureInfo.InvariantCulture),
            ["qianfan.tokens"] = state.Tokens.ToString(CultureInfo.InvariantCulture),
        });
    }
}
