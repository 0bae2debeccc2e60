namespace Qianfan.Platform.FineTuning;

/// <summary>When a task is expected to start and to end; null where nothing is known.</summary>
internal readonly record struct Expected(DateTimeOffset? Start, DateTimeOffset? Finish);

/// <summary>What a forecast looks at in a task.</summary>
internal sealed record TaskPace(
    int Id, TaskState State, string Model, string ParameterScale, long Work, int TotalSteps, int Step, DateTimeOffset? StepAt, int FirstStep, DateTimeOffset? FirstStepAt, DateTimeOffset? StartedAt)
{
    /// <summary>Seconds that a step takes here; null before there were any.</summary>
    public double? SecondsPerStep => StepAt - FirstStepAt is { TotalSeconds: > 0 and var seconds } && Step > FirstStep ? seconds / (Step - FirstStep) : null;

    /// <summary>Seconds that a unit of work takes; null when nothing is known.</summary>
    public double? SecondsPerWork => Work > 0 && TotalSteps > 0 ? SecondsPerStep * TotalSteps / Work : null;

    /// <summary>How much is left to do, 0 to 1.</summary>
    public double Left => TotalSteps > 0 ? 1 - ((double)Step / TotalSteps) : 1;
}

/// <summary>Estimates starts and ends: a task that runs goes on as it went so far, and one that waits will be as fast as the newest one of the same model. One slot, one task after the other.</summary>
internal static class TrainingForecast
{
    /// <param name="waiting">In the order in which they will run.</param>
    /// <param name="running">Tasks that run; with one slot at most one.</param>
    /// <param name="known">Tasks whose pace is known, the newest first; the running ones come before them.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyDictionary<int, Expected> Of(IReadOnlyList<TaskPace> waiting, IReadOnlyList<TaskPace> running, IReadOnlyList<TaskPace> known, DateTimeOffset now)
    {
        IReadOnlyList<TaskPace> paces = [.. running, .. known];
        var result = new Dictionary<int, Expected>();
        // Where nothing runs the next task is about to start, or there is no trainer: neither is a time to tell.
        DateTimeOffset? free = running.Count == 0 ? null : now;
        foreach (var task in running)
        {
            var end = task.SecondsPerStep is { } pace ? task.StepAt + Seconds(pace * (task.TotalSteps - task.Step)) : (task.StartedAt ?? now) + Duration(task, paces);
            end = end < now ? now : end;
            result[task.Id] = new Expected(null, end);
            free = end is null || free is null ? null : end > free ? end : free;
        }

        foreach (var task in waiting)
        {
            var end = free + Duration(task, paces);
            result[task.Id] = new Expected(free, end);
            free = end;
        }

        return result;
    }

    private static TimeSpan? Duration(TaskPace task, IReadOnlyList<TaskPace> paces)
    {
        var alike = paces.Where(pace => pace.Model == task.Model && pace.SecondsPerWork is not null).OrderByDescending(pace => pace.ParameterScale == task.ParameterScale);
        return task.Work > 0 && alike.FirstOrDefault()?.SecondsPerWork is { } seconds ? Seconds(seconds * task.Work * task.Left) : null;
    }

    // What would take longer than that is nothing to plan with.
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.FromDays(3650).TotalSeconds));
}
