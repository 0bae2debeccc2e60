using System.Text;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>The events of a scripted task; readers wait for what is not written yet.</summary>
internal sealed class TaskLog
{
    private readonly Lock _sync = new();
    private readonly List<string> _events = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Status { get; private set; } = "Waiting";

    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _events.Count;
            }
        }
    }

    public void Add(string kind, JsonObject data)
    {
        lock (_sync)
        {
            if (kind == "status")
            {
                Status = data["runStatus"]!.GetValue<string>();
            }

            data["time"] = "2026-01-01T00:00:00Z";
            _events.Add($"id: {_events.Count + 1}\nevent: {kind}\ndata: {data.ToJsonString()}\n\n");
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void AddStatus(string status, string progress = "0%") => Add("status", new JsonObject { ["runStatus"] = status, ["runProgress"] = progress });

    /// <summary>The event behind <paramref name="index"/> events as bytes; null once the task has ended and all is read.</summary>
    public async ValueTask<byte[]?> NextAsync(int index, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                if (index < _events.Count)
                {
                    return Encoding.UTF8.GetBytes(_events[index]);
                }

                if (Status is "Done" or "Failed" or "Stopped")
                {
                    return null;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }
}

/// <summary>A response body that follows a <see cref="TaskLog"/>; can break after some events.</summary>
internal sealed class TaskLogStream(TaskLog log, int index, int breakAfter) : Stream
{
    private ReadOnlyMemory<byte> _rest;
    private int _given;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_rest.Length == 0)
        {
            if (_given == breakAfter)
            {
                throw new IOException("The connection was reset.");
            }

            var next = await log.NextAsync(index, cancellationToken);
            if (next is null)
            {
                return 0;
            }

            index++;
            _given++;
            _rest = next;
        }

        // A few bytes at a time: events and characters are cut anywhere.
        var count = Math.Min(Math.Min(buffer.Length, _rest.Length), 7);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
