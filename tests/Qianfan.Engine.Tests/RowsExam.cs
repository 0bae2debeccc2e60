using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>What a model says to the 200 rows' questions, and to their paraphrases, once it was fine-tuned on all of them.</summary>
/// <param name="Steps">Steps of the training.</param>
/// <param name="Loss">Mean training loss of the last pass.</param>
/// <param name="TrainingSeconds">Wall-clock seconds of the training.</param>
/// <param name="AnsweringSeconds">Wall-clock seconds of loading the model and its 400 answers.</param>
/// <param name="Learnt">The answers to the rows' questions.</param>
/// <param name="Paraphrased">The answers to their paraphrases.</param>
internal sealed record RowsExam(int Steps, double Loss, double TrainingSeconds, double AnsweringSeconds, IReadOnlyList<string> Learnt, IReadOnlyList<string> Paraphrased)
{
    /// <summary>Rows that are answered word for word.</summary>
    public int RowsRight => Rows.Learnt.Zip(Learnt).Count(pair => pair.First.Answer == pair.Second);

    /// <summary>Paraphrases that are answered with the row's answer, word for word.</summary>
    public int ParaphrasesRight => Rows.Paraphrased.Zip(Paraphrased).Count(pair => pair.First.Answer == pair.Second);

    /// <summary>Trains and asks.</summary>
    public static RowsExam Take(string modelDirectory, TrainingConfig config, CancellationToken stop)
    {
        using var folder = new TestFolder();
        var completed = new TrainingJob(new StartTraining(folder.At("task"), modelDirectory, Rows.File, config), _ => { }, TimeProvider.System).Run(stop).ShouldBeOfType<TrainingCompleted>();
        var began = Stopwatch.GetTimestamp();
        var output = folder.At("task", "output");
        var model = completed.OutputKind == "adapter" ? ServedModel.Load(modelDirectory, output, 1) : ServedModel.Load(output, null, 1);
        var learnt = Answers.Greedy(model, [.. Rows.Learnt.Select(row => row.Question)]);
        var paraphrased = Answers.Greedy(model, [.. Rows.Paraphrased.Select(row => row.Question)]);
        return new RowsExam(completed.Steps, completed.TrainingLoss, completed.Seconds, Stopwatch.GetElapsedTime(began).TotalSeconds, learnt, paraphrased);
    }

    /// <summary>The defaults that a model's <c>qianfan.json</c> names.</summary>
    /// <param name="description">That file.</param>
    /// <param name="scale"><c>FullFineTuning</c> or <c>LoRA</c>; null for the file's own default.</param>
    public static TrainingConfig Defaults(string description, string? scale = null)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(description));
        scale ??= document.RootElement.GetProperty("defaultParameterScale").GetString()!;
        var settings = document.RootElement.GetProperty("parameterScales").GetProperty(scale);
        var config = new TrainingConfig { ParameterScale = scale, Epochs = (int)Of("epoch"), BatchSize = (int)Of("batchSize"), LearningRate = Of("learningRate"), MaxSequenceLength = (int)Of("maxSeqLen"), PromptDropout = Of("promptDropout") };
        return scale == "LoRA" ? config with { LoraRank = (int)Of("loraRank"), LoraAlpha = Of("loraAlpha") } : config;

        double Of(string name) => settings.GetProperty(name).GetProperty("default").GetDouble();
    }

    /// <summary>The counts, the seconds, and what was answered wrongly.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture,
            $"{RowsRight} of 200 rows, {ParaphrasesRight} of 200 paraphrases; {Steps} steps, loss {Loss:F4}, {TrainingSeconds:F0} s; {AnsweringSeconds:F0} s for the answers\n"));
        foreach (var (row, answer) in Rows.Learnt.Zip(Learnt).Concat(Rows.Paraphrased.Zip(Paraphrased)).Where(pair => pair.First.Answer != pair.Second))
            text.Append(CultureInfo.InvariantCulture, $"  {row.Question} | {answer} | {row.Answer}\n");
        return text.ToString();
    }
}
