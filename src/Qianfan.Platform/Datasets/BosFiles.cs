using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Datasets;

/// <summary>What <c>bos:/bucket/path</c> addresses mean here: files of a folder, or objects of a bucket that speaks S3.</summary>
internal sealed class BosFiles : IDisposable
{
    private readonly string? _root;
    private readonly BosS3Options? _options;
    private readonly AmazonS3Client? _client;

    public BosFiles(DataFolders folders, IOptions<PlatformOptions> options)
    {
        (_root, _options) = (folders.Bos, options.Value.BosS3);
        if (_options is { } s3)
        {
            _client = new AmazonS3Client(new BasicAWSCredentials(s3.AccessKey, s3.SecretKey), new AmazonS3Config
            {
                ServiceURL = s3.Endpoint,
                AuthenticationRegion = s3.Region,
                ForcePathStyle = true,
                // What other stores than Amazon's don't have is not asked for.
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            });
        }
    }

    /// <summary>The file or object of an address.</summary>
    /// <exception cref="PlatformException">There is none, or these addresses are off.</exception>
    public async Task<ImportSource> FindAsync(string address, CancellationToken cancellationToken)
    {
        var relative = (address.StartsWith("bos:", StringComparison.Ordinal) ? address["bos:".Length..] : address).TrimStart('/');
        if (_client is not null) return await FindObjectAsync(_client, address, relative, cancellationToken);
        if (_root is not { } root)
            throw PlatformException.Invalid("files", $"param[files] invalid: {PlatformException.Shown(address)} is no id of an uploaded file (file-...), and bos:/ paths are off here (settings BosDirectory and BosS3)");
        var path = Path.GetFullPath(Path.Combine(root, relative));
        if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(path)) throw PlatformException.NotFound("File", address);
        return new ImportSource(Path.GetFileName(path), path);
    }

    /// <summary>Opens what an import reads; it can be sought. An object is fetched into the folder first, and goes with the stream.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public async Task<FileStream> OpenAsync(ImportSource source, string folder, CancellationToken cancellationToken)
    {
        if (source.Key is not { } key)
            return new FileStream(source.Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        if (_client is null) throw new IOException("BosS3 is no longer set.");
        var stream = new FileStream(
            Path.Combine(folder, $"object-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan | FileOptions.DeleteOnClose);
        try
        {
            using var response = await _client.GetObjectAsync(_options!.Bucket, key, cancellationToken);
            await response.ResponseStream.CopyToAsync(stream, cancellationToken);
            stream.Position = 0;
            return stream;
        }
        catch (Exception exception)
        {
            await stream.DisposeAsync();
            if (exception is AmazonServiceException or AmazonClientException or HttpRequestException) throw new IOException($"The object storage does not give {PlatformException.Shown(key)}.", exception);
            throw;
        }
    }

    public void Dispose() => _client?.Dispose();

    private async Task<ImportSource> FindObjectAsync(AmazonS3Client client, string address, string relative, CancellationToken cancellationToken)
    {
        var parts = relative.Split('/', 2);
        if (parts is not [var bucket, { Length: > 0 } key] || bucket != _options!.Bucket || parts[1].Split('/').Any(part => part is "." or "..")) throw PlatformException.NotFound("File", address);
        try
        {
            var found = await client.GetObjectMetadataAsync(bucket, key, cancellationToken);
            return new ImportSource(key.Split('/')[^1], "", key, found.ContentLength);
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode == HttpStatusCode.NotFound)
        {
            throw PlatformException.NotFound("File", address);
        }
        catch (Exception exception) when (exception is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw new PlatformException(PlatformError.Unavailable, $"The object storage does not tell whether {PlatformException.Shown(address)} is there (setting BosS3)");
        }
    }
}

/// <summary>A file to import.</summary>
/// <param name="Name">As its owner calls it.</param>
/// <param name="Path">Where it lies; empty for an object.</param>
/// <param name="Key">The object's key; null for a file.</param>
/// <param name="Length">The object's length in bytes; null for a file.</param>
internal sealed record ImportSource(string Name, string Path, string? Key = null, long? Length = null)
{
    /// <summary>What it has, or had when it was found; 0 when the file is gone.</summary>
    public long Bytes() => Length ?? (new FileInfo(Path) is { Exists: true } file ? file.Length : 0);
}
