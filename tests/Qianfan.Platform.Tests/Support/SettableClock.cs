namespace Qianfan.Platform.Tests.Support;

/// <summary>Says the date that a test sets, while timers run on as ever: hours can pass without a worker that is silent for so long.</summary>
internal sealed class SettableClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;

    public void Advance(TimeSpan span) => Now += span;
}
