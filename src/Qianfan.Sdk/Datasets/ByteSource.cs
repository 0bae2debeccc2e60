using System.Buffers;

namespace Qianfan.Sdk.Datasets;

/// <summary>A window over a stream that grows as far as one row needs, and no further.</summary>
internal sealed class ByteSource : IDisposable
{
    private readonly Stream _stream;
    private readonly int _maxRowBytes;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
    private int _start;
    private int _end;

    public ByteSource(Stream stream, int maxRowBytes)
    {
        _stream = stream;
        _maxRowBytes = maxRowBytes;
    }

    /// <summary>Bytes read and not consumed yet; valid until the next <see cref="FillAsync"/>.</summary>
    public ReadOnlySpan<byte> Window => _buffer.AsSpan(_start, _end - _start);

    public bool EndOfStream { get; private set; }

    public long BytesRead { get; private set; }

    /// <summary>Line of the window's first byte, from 1.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>Drops bytes from the front and counts the newlines in them.</summary>
    public void Consume(int count)
    {
        Line += _buffer.AsSpan(_start, count).Count((byte)'\n');
        _start += count;
    }

    /// <summary>Drops bytes from the front that hold exactly one newline.</summary>
    public void ConsumeLine(int count)
    {
        Line++;
        _start += count;
    }

    /// <summary>Reads more behind the window.</summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="DatasetFileException">The window would pass the longest row.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (EndOfStream)
        {
            return false;
        }

        MakeRoom();
        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            EndOfStream = true;
            return false;
        }

        _end += read;
        BytesRead += read;
        return true;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _start = _end = 0;
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end < _buffer.Length)
        {
            return;
        }

        if (_end > _maxRowBytes)
        {
            throw new DatasetFileException(
                DatasetErrorCodes.RowTooLong,
                $"The row that begins on line {Line} is longer than {_maxRowBytes} bytes. If the file has no line breaks, put each row on a line of its own.",
                Line);
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
