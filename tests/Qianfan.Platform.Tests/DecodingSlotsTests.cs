using CsCheck;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;

namespace Qianfan.Platform.Tests;

/// <summary>Slots: no service has more than its own, all together no more than the worker, and services take turns.</summary>
public sealed class DecodingSlotsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_came_last_does_not_wait_for_all_that_one_service_has_queued()
    {
        var slots = Make(100);
        slots.SetCapacity(1);
        var running = await slots.EnterAsync("busy", null, Cancel);
        var busy = Enumerable.Range(0, 50).Select(_ => slots.EnterAsync("busy", null, Cancel)).ToList();
        var quiet = slots.EnterAsync("quiet", null, Cancel);
        running.Dispose();
        (await busy[0]).Dispose();
        (await quiet).Dispose();
        foreach (var task in busy.Skip(1)) (await task).Dispose();
    }

    [Fact]
    public async Task A_full_queue_refuses_and_a_free_slot_never_does()
    {
        var slots = Make(queue: 0);
        var first = await slots.EnterAsync("s", 1, Cancel);
        (await Should.ThrowAsync<PlatformException>(() => slots.EnterAsync("s", 1, Cancel))).Error.ShouldBe(PlatformError.Overloaded);
        (await slots.EnterAsync("other", 1, Cancel)).Dispose();
        first.Dispose();
        first.Dispose();
        using var next = await slots.EnterAsync("s", 1, Cancel);
        slots.Count("s").ShouldBe((1, 0));
    }

    [Fact]
    public async Task Whoever_gives_up_leaves_the_queue_to_the_others()
    {
        var slots = Make(10);
        var first = await slots.EnterAsync("s", 1, Cancel);
        using var impatient = new CancellationTokenSource();
        var second = slots.EnterAsync("s", 1, impatient.Token);
        var third = slots.EnterAsync("s", 1, Cancel);
        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => second);
        slots.Count("s").ShouldBe((1, 1));
        first.Dispose();
        (await third).Dispose();
        slots.Count("s").ShouldBe((0, 0));
    }

    [Fact]
    public async Task More_slots_let_waiting_requests_in_and_fewer_take_none_away()
    {
        var slots = Make(10);
        var held = await Task.WhenAll(slots.EnterAsync("s", 2, Cancel), slots.EnterAsync("s", 2, Cancel));
        var third = slots.EnterAsync("s", 2, Cancel);
        slots.Resize("s", 1);
        slots.Count("s").ShouldBe((2, 1));
        held[0].Dispose();
        slots.Count("s").ShouldBe((1, 1));
        slots.Resize("s", 2);
        using var entered = await third;
        slots.Count("s").ShouldBe((2, 0));
    }

    [Fact]
    public async Task Whatever_happens_limits_hold_nobody_waits_without_need_and_services_take_turns()
    {
        var moves = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 5]).Array[0, 80];
        await Gen.Select(Gen.Int[1, 6], Gen.Int[1, 4].Array[4], moves).SampleAsync(async (capacity, limits, steps) =>
        {
            var slots = Make(queue: 1000);
            slots.SetCapacity(capacity);
            var waiting = limits.Select(_ => new Queue<Task<IDisposable>>()).ToArray();
            var running = limits.Select(_ => new Queue<IDisposable>()).ToArray();
            // How often the others were let in since this one began to wait for nothing but its turn.
            var passed = new int[limits.Length, limits.Length];
            foreach (var (service, what) in steps)
            {
                if (what < 3) waiting[service].Enqueue(slots.EnterAsync($"s{service}", limits[service], Cancel));
                else if (running[service].TryDequeue(out var held)) held.Dispose();
                await SettleAsync();
            }

            while (running.FirstOrDefault(queue => queue.Count > 0) is { } some)
            {
                some.Dequeue().Dispose();
                await SettleAsync();
            }

            waiting.ShouldAllBe(queue => queue.Count == 0);

            async Task SettleAsync()
            {
                var entered = new int[limits.Length];
                for (var service = 0; service < limits.Length; service++)
                {
                    var (runs, waits) = slots.Count($"s{service}");
                    runs.ShouldBeLessThanOrEqualTo(limits[service]);
                    // First come, first served: those who are in are those who came first.
                    while (waiting[service].Count > waits)
                    {
                        running[service].Enqueue(await waiting[service].Dequeue());
                        entered[service]++;
                    }

                    running[service].Count.ShouldBe(runs);
                }

                var total = running.Sum(queue => queue.Count);
                total.ShouldBeLessThanOrEqualTo(capacity);
                for (var service = 0; service < limits.Length; service++)
                {
                    var couldRun = waiting[service].Count > 0 && running[service].Count < limits[service];
                    (couldRun && total < capacity).ShouldBeFalse();
                    for (var other = 0; other < limits.Length; other++)
                    {
                        passed[service, other] = couldRun && entered[service] == 0 ? passed[service, other] + entered[other] : 0;
                        if (other != service) passed[service, other].ShouldBeLessThanOrEqualTo(1);
                    }
                }
            }
        }, iter: 2000, threads: 1);
    }

    private static DecodingSlots Make(int queue) => new(Options.Create(new PlatformOptions { ServiceQueueLength = queue }));
}
