using Qianfan.Platform.FineTuning;

namespace Qianfan.Platform.Tests;

/// <summary>When tasks are expected to start and to end.</summary>
public sealed class TrainingForecastTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    // 100 steps for 1,000 units of work, of which 40 took 80 seconds: 2 seconds a step, 0.2 a unit.
    private static readonly TaskPace s_running = new(1, TaskState.Running, "tiny", "LoRA", 1000, 100, 40, s_now, 0, s_now.AddSeconds(-80), s_now.AddSeconds(-90));

    [Fact]
    public void Tasks_follow_one_another_each_as_long_as_its_rows_ask()
    {
        var expected = TrainingForecast.Of([Waiting(2, 500), Waiting(3, 50) with { TotalSteps = 10, Step = 5 }, Waiting(4, 10)], [s_running], [], s_now);
        expected[1].ShouldBe(new Expected(null, s_now.AddSeconds(120)));
        expected[2].ShouldBe(new Expected(s_now.AddSeconds(120), s_now.AddSeconds(220)));
        // It was half through when it was interrupted.
        expected[3].ShouldBe(new Expected(s_now.AddSeconds(220), s_now.AddSeconds(225)));
        expected[4].Start.ShouldBe(s_now.AddSeconds(225));
    }

    [Fact]
    public void A_resumed_tasks_pace_is_that_of_its_last_worker()
    {
        var resumed = s_running with { FirstStep = 30, FirstStepAt = s_now.AddSeconds(-10) };
        TrainingForecast.Of([], [resumed], [], s_now)[1].Finish.ShouldBe(s_now.AddSeconds(60));
    }

    [Fact]
    public void Before_the_first_step_the_newest_task_of_the_same_model_tells_the_pace()
    {
        var begun = s_running with { Step = 0, FirstStepAt = s_now, TotalSteps = 0, StartedAt = s_now };
        TrainingForecast.Of([], [begun], [], s_now)[1].Finish.ShouldBeNull();
        TrainingForecast.Of([], [begun], [s_running with { Id = 9, State = TaskState.Done }], s_now)[1].Finish.ShouldBe(s_now.AddSeconds(200));
        var full = s_running with { Id = 8, ParameterScale = "FullFineTuning", FirstStepAt = s_now.AddSeconds(-160) };
        TrainingForecast.Of([], [begun], [full, s_running with { Id = 9 }], s_now)[1].Finish.ShouldBe(s_now.AddSeconds(200));
        TrainingForecast.Of([], [begun], [full], s_now)[1].Finish.ShouldBe(s_now.AddSeconds(400));
        TrainingForecast.Of([], [begun], [full with { Model = "other" }], s_now)[1].Finish.ShouldBeNull();
    }

    [Fact]
    public void What_is_not_known_makes_all_that_follows_unknown_and_an_overrun_ends_now()
    {
        var expected = TrainingForecast.Of([Waiting(2, 500), Waiting(3, 0), Waiting(4, 500)], [s_running with { StepAt = s_now.AddDays(-1), FirstStepAt = s_now.AddDays(-1).AddSeconds(-80) }], [], s_now);
        expected[1].Finish.ShouldBe(s_now);
        expected[2].ShouldBe(new Expected(s_now, s_now.AddSeconds(100)));
        expected[3].ShouldBe(new Expected(s_now.AddSeconds(100), null));
        expected[4].ShouldBe(new Expected(null, null));
        TrainingForecast.Of([Waiting(2, 500)], [], [s_running], s_now)[2].ShouldBe(new Expected(null, null));
    }

    private static TaskPace Waiting(int id, long work) => new(id, TaskState.Waiting, "tiny", "LoRA", work, 0, 0, null, 0, null, null);
}
