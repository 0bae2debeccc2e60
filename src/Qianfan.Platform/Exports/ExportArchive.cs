using System.IO.Compression;
using System.Security.Cryptography;

namespace Qianfan.Platform.Exports;

/// <summary>Packs a folder into one zip file. Nothing is compressed: weights don't get smaller by it.</summary>
internal static class ExportArchive
{
    /// <summary>Packs a folder's files and removes each as soon as it is packed, so that a large model doesn't lie on the disk twice.</summary>
    /// <param name="folder">The folder; it has no subfolders.</param>
    /// <param name="path">Where the zip file goes.</param>
    /// <param name="name">The folder's name in it.</param>
    /// <param name="time">The time that its files get.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <returns>Length and SHA-256 of the zip file.</returns>
    public static async Task<(long Bytes, string Sha256)> PackAsync(string folder, string path, string name, DateTimeOffset time, CancellationToken cancellationToken)
    {
        await using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 20, FileOptions.Asynchronous);
        await using (var zip = await ZipArchive.CreateAsync(stream, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null, cancellationToken))
        {
            foreach (var file in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
            {
                var entry = zip.CreateEntry($"{name}/{Path.GetFileName(file)}", CompressionLevel.NoCompression);
                entry.LastWriteTime = time;
                await using (var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.Asynchronous | FileOptions.SequentialScan))
                await using (var target = await entry.OpenAsync(cancellationToken))
                    await source.CopyToAsync(target, cancellationToken);
                File.Delete(file);
            }
        }

        await stream.FlushAsync(cancellationToken);
        stream.Flush(flushToDisk: true);
        stream.Position = 0;
        return (stream.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken)));
    }
}
