using System.Globalization;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Exports;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Writes what a training made into <c>output/</c> of the task folder; the folder appears when it is complete.</summary>
internal sealed class TrainingOutput(StartTraining start, ModelShape shape, LlamaNetwork network, TrainingState state, TrainingRows rows)
{
    /// <param name="kind"><c>model</c> or <c>adapter</c>.</param>
    /// <param name="modelDirectory">Folder that training started from; its tokenizer and configuration are taken along.</param>
    public void Write(string kind, string modelDirectory)
    {
        var unfinished = Path.Combine(start.TaskDirectory, "output.unfinished");
        var output = Path.Combine(start.TaskDirectory, "output");
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        if (kind == "adapter")
            WriteAdapter(unfinished);
        else
            WriteModel(unfinished, modelDirectory);
        ModelCard.Write(unfinished, kind, Described());
        if (Directory.Exists(output))
            Directory.Delete(output, recursive: true);
        Directory.Move(unfinished, output);
    }

    private void WriteAdapter(string directory)
    {
        var writer = new SafetensorsWriter().Describe(Described());
        foreach (var (name, tensor) in network.Trained)
            writer.Add(name, tensor.shape, WeightFormat.F32, consume => consume(Tensors.Read(tensor)));
        writer.Write(Path.Combine(directory, PeftAdapter.WeightsFile));
        CheckpointFolder.WriteAtomically(Path.Combine(directory, PeftAdapter.ConfigFile),
            PeftAdapter.ConfigJson(BaseName, start.Config.LoraRank, start.Config.LoraAlpha, start.Config.LoraDropout, start.Config.LoraTargetModules));
    }

    private void WriteModel(string directory, string modelDirectory)
    {
        if (rows.AreTexts)
            ModelFolder.CopyTexts(modelDirectory, directory);
        else
            ModelFolder.CopyChatTexts(modelDirectory, directory);
        var writer = new SafetensorsWriter().Describe(Described());
        var adapter = start.Config.ParameterScale == TrainingJob.Lora
            ? new PeftAdapter(start.Config.LoraRank, start.Config.LoraAlpha, network.Trained.ToDictionary(entry => entry.Name, entry => Tensors.Read(entry.Value).ToArray()))
            : null;
        foreach (var (name, size) in shape.Weights())
        {
            writer.Add(name, size, shape.Format, consume =>
            {
                // Merged one at a time: nobody needs the network's own weights any more.
                var values = network.Values(name);
                adapter?.MergeInto(name, values);
                consume(values);
            });
        }
        writer.Write(Path.Combine(directory, WeightFiles.SingleFile));
    }

    private string BaseName => Path.GetFileName(Path.TrimEndingDirectorySeparator(start.BaseModelDirectory));

    /// <summary>What the output came from.</summary>
    private Dictionary<string, string> Described() => new(StringComparer.Ordinal)
    {
        ["format"] = "pt",
        ["qianfan.base"] = BaseName,
        ["qianfan.rows"] = rows.AreTexts ? "texts" : "conversations",
        ["qianfan.rows_sha256"] = rows.Hash,
        ["qianfan.config"] = WorkerLine.Write(new StartTraining("", BaseName, "", start.Config with { StartFromDirectory = null })),
        ["qianfan.seed"] = start.Config.Seed.ToString(CultureInfo.InvariantCulture),
        ["qianfan.precision"] = state.Precision,
        ["qianfan.steps"] = state.Step.ToString(CultureInfo.InvariantCulture),
        ["qianfan.training_loss"] = state.MeanEpochLoss.ToString("R", CultureInfo.InvariantCulture),
        ["qianfan.validation_loss"] = state.ValidationLoss?.ToString("R", CultureInfo.InvariantCulture) ?? "none",
    };
}
