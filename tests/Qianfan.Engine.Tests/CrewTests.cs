using Qianfan.Engine.Serving;

namespace Qianfan.Engine.Tests;

public sealed class CrewTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_part_is_done_once_and_before_it_returns(int threads)
    {
        var crew = new Crew(threads);
        for (var round = 0; round < 2000; round++)
        {
            var parts = round % 17;
            var done = new int[parts];
            crew.Run(parts, part => done[part]++);
            done.ShouldAllBe(times => times == 1);
            crew.Each(parts, token => done[token]++);
            done.ShouldAllBe(times => times == 2);
        }
    }

    [Fact]
    public void Threads_that_sleep_are_woken()
    {
        var crew = new Crew(2);
        var others = new HashSet<int>();
        using var both = new Barrier(2);
        for (var round = 0; round < 3; round++)
        {
            // Each part waits for the other: one thread alone could not do both.
            crew.Run(2, _ =>
            {
                both.SignalAndWait(TestContext.Current.CancellationToken);
                lock (others)
                    others.Add(Environment.CurrentManagedThreadId);
            });
            // Time enough to fall asleep, on any machine: until it is known to be waiting.
            SpinWait.SpinUntil(() => crew.Asleep == 1);
        }
        others.Count.ShouldBe(2);
    }

    [Fact]
    public void Several_threads_give_what_one_gives()
    {
        var shape = TinyModel.Shape() with { HiddenSize = 320, IntermediateSize = 600 };
        var weights = TinyModel.Weights(shape);
        int[] tokens = [.. Enumerable.Range(0, 50)];
        foreach (var kind in Enum.GetValues<WeightKind>())
            Hidden(kind, 3).ShouldBe(Hidden(kind, 1));

        float[] Hidden(WeightKind kind, int threads) => TinyModel.Decoder(shape, weights, kind, threads: threads).Forward([new(new KeyValueCache(shape), tokens)]).ToArray();
    }
}
