using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Many training steps in one worker: its memory must stay flat.</summary>
internal static class StepsBenchmark
{
    /// <returns>Whether it did.</returns>
    public static async Task<bool> RunAsync(int steps)
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-steps-").FullName;
        try
        {
            await using var worker = new EngineProcess("train");
            worker.Send(EngineTasks.Endless(folder));
            var megabytes = new List<double>();
            for (var step = 1; step <= steps; step++)
            {
                var progress = await worker.ExpectAsync<TrainingProgress>();
                megabytes.Add(worker.Megabytes);
                if (step % Math.Max(1, steps / 10) == 0)
                {
                    Figures.Print("steps", ("step", progress.Step), ("loss", Math.Round(progress.Loss, 3)), ("train_mb", Math.Round(megabytes[^1])));
                }
            }

            worker.Send(new StopTraining());
            await worker.ExpectAsync<TrainingStopped>();
            var (flat, ratio) = EngineTasks.Flat(megabytes);
            Figures.Print("steps.result", ("steps", steps), ("last_third_over_middle", Math.Round(ratio, 3)), ("flat", flat), ("target", "within 1.1"));
            return flat;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
