using System.Diagnostics;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>The time to the first token of a serving worker, alone and beside a training worker, in turns.</summary>
internal static class BesideTrainingBenchmark
{
    private const int Requests = 9;
    private static int s_asked;

    public static async Task ReportAsync(int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-beside-").FullName;
        try
        {
            await using var serving = new EngineProcess("serve");
            await serving.LoadAsync(new LoadModel("load", "m", EngineTasks.Model));
            await FirstTokenAsync(serving);
            var (idle, beside) = (new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                idle.Add(await FirstTokenAsync(serving));
                await using var training = new EngineProcess("train");
                training.Send(EngineTasks.Endless(Directory.CreateDirectory(Path.Combine(folder, $"{round}")).FullName));
                await training.ExpectAsync<TrainingProgress>(progress => progress.Step == 3);
                beside.Add(await FirstTokenAsync(serving));
                training.Send(new StopTraining());
                await training.ExpectAsync<TrainingStopped>();
            }

            Figures.Print("serve.beside-training", ("model", "qianfan-tiny"), ("prompt_characters", Prompt(0).Length), ("idle_ms", Math.Round(Figures.Median(idle), 1)), ("beside_ms", Math.Round(Figures.Median(beside), 1)),
                ("ratio", Math.Round(Figures.Median(beside.Zip(idle, (b, i) => b / i)), 2)), ("target", "within 2"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>No two begin alike, so that nothing is taken over from an earlier one.</summary>
    private static string Prompt(int number) => $"{number} " + string.Concat(Enumerable.Repeat("What is the color of the sky? ", 14));

    /// <summary>Median of several requests, in milliseconds.</summary>
    private static async Task<double> FirstTokenAsync(EngineProcess serving)
    {
        var times = new List<double>();
        for (var i = 0; i < Requests; i++)
        {
            var number = ++s_asked;
            var watch = Stopwatch.StartNew();
            var answers = serving.Ask($"r{number}", new Generate($"r{number}", "m", [new ChatTurn("user", Prompt(number))], null, new SamplingConfig { MaxTokens = 1, Temperature = 0 }));
            if (await answers.ReadAsync() is RequestFailed failed)
            {
                throw new InvalidOperationException(failed.Message);
            }

            times.Add(watch.Elapsed.TotalMilliseconds);
        }

        return Figures.Median(times);
    }
}
