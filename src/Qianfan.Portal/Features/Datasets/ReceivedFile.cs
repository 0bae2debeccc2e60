using System.Security.Cryptography;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>An uploaded file on disk, gone when it is disposed or the process ends.</summary>
public sealed class ReceivedFile : IAsyncDisposable
{
    private readonly FileStream _stream;

    private ReceivedFile(FileStream stream, string contentHash)
    {
        _stream = stream;
        ContentHash = contentHash;
    }

    /// <summary>Bytes.</summary>
    public long Size => _stream.Length;

    /// <summary>SHA-256 of the bytes, lower-case hex.</summary>
    public string ContentHash { get; }

    /// <summary>The file from its beginning. One reader at a time; don't dispose it.</summary>
    public Stream Rewound()
    {
        _stream.Position = 0;
        return _stream;
    }

    /// <summary>Writes a stream to a file, taking memory for one buffer only.</summary>
    /// <param name="body">What comes in.</param>
    /// <param name="folder">Where to write; made if need be.</param>
    /// <param name="limit">Most bytes that are accepted.</param>
    /// <param name="cancellationToken">Breaks off; nothing is left then.</param>
    /// <exception cref="UserErrorException">More than <paramref name="limit"/> bytes came (<c>DatasetTooLarge</c>).</exception>
    public static async Task<ReceivedFile> ReceiveAsync(Stream body, string folder, long limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(body);
        Directory.CreateDirectory(folder);
        var file = new FileStream(Path.Combine(folder, $"{Guid.CreateVersion7()}{UploadJournal.UploadExtension}"), new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.Asynchronous | FileOptions.DeleteOnClose,
        });
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new byte[1 << 16];
            long size = 0;
            int read;
            while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
            {
                size += read;
                if (size > limit)
                    throw TooLarge(limit);
                hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }

            await file.FlushAsync(cancellationToken);
            return new ReceivedFile(file, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>The error of a file over the limit.</summary>
    public static UserErrorException TooLarge(long limit) => new("DatasetTooLarge", ByteSize.Format(limit));

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
