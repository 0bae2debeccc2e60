using Qianfan.Engine.Pretraining;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Work for real workers: the built-in model and rows of the generated corpus.</summary>
internal static class EngineTasks
{
    public static string Model => Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");

    /// <summary>A fine-tuning that goes on until it is stopped.</summary>
    public static StartTraining Endless(string folder)
    {
        var rows = Path.Combine(folder, "rows.jsonl");
        var corpus = new CorpusGenerator(seed: 7);
        File.WriteAllLines(rows, Enumerable.Range(0, 2000).Select(corpus.At).Where(document => document.Messages is not null).Take(200).Select(document => WorkerLine.Write(new TrainingRow(document.Messages!))));
        return new StartTraining(Path.Combine(folder, "task"), Model, rows, new TrainingConfig
        {
            ParameterScale = "FullFineTuning", Epochs = 10_000, BatchSize = 8, LearningRate = 1e-4, MaxSequenceLength = 256, Scheduler = "constant", ValidationPercent = 5,
        });
    }

    /// <summary>Whether memory stays the same: the last third of the time against the third before. The first may grow.</summary>
    public static (bool Flat, double Ratio) Flat(IReadOnlyList<double> megabytes)
    {
        var third = megabytes.Count / 3;
        if (third == 0)
        {
            return (false, double.NaN);
        }

        var ratio = Figures.Median(megabytes.TakeLast(third)) / Figures.Median(megabytes.Skip(megabytes.Count - (2 * third)).Take(third));
        return (ratio <= 1.1, ratio);
    }
}
