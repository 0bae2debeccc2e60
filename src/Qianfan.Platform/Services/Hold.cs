namespace Qianfan.Platform.Services;

/// <summary>Something that is held until this is disposed; disposing it again does nothing. Thread-safe.</summary>
internal sealed class Hold(Action release) : IDisposable
{
    private Action? _release = release;

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
