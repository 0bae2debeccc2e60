using System.Buffers;
using System.Globalization;

namespace Qianfan.Sdk.Http;

/// <summary>The body of an answer in a borrowed buffer, which goes back when this is disposed.</summary>
internal readonly struct AnswerBody : IDisposable
{
    private const int FirstBuffer = 8 * 1024;
    private readonly byte[] _buffer;
    private readonly int _length;

    private AnswerBody(byte[] buffer, int length)
    {
        _buffer = buffer;
        _length = length;
    }

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads a body to its end, unless it is longer than that many bytes.</summary>
    public static async ValueTask<AnswerBody> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        var announced = response.Content.Headers.ContentLength;
        if (announced > most)
        {
            throw TooLong(response, most);
        }

        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        // One more than announced, so that the end is seen without growing.
        var buffer = ArrayPool<byte>.Shared.Rent(announced is { } size ? (int)size + 1 : FirstBuffer);
        var length = 0;
        try
        {
            while (true)
            {
                var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return new AnswerBody(buffer, length);
                }

                length += read;
                if (length > most)
                {
                    throw TooLong(response, most);
                }

                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private static QianfanRequestException TooLong(HttpResponseMessage response, int most) =>
        new(string.Create(CultureInfo.InvariantCulture, $"The answer is longer than {most} bytes (MaxAnswerBytes)."), response.StatusCode);
}
