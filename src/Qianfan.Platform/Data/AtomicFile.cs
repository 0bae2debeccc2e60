namespace Qianfan.Platform.Data;

/// <summary>Writes files and folders so that a reader sees all of one or nothing, also after a crash.</summary>
internal static class AtomicFile
{
    private const string TemporaryMark = ".partial-";

    /// <summary>Writes a file beside its place, flushes it to disk and moves it there.</summary>
    public static async Task WriteAsync(string path, Func<Stream, Task> write)
    {
        var partial = Partial(path);
        try
        {
            await using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, 128 * 1024, FileOptions.Asynchronous))
            {
                await write(stream);
                await stream.FlushAsync();
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Fills a folder beside its place and moves it there. The place must be free.</summary>
    public static async Task WriteFolderAsync(string path, Func<string, Task> fill)
    {
        var partial = Partial(path);
        Directory.CreateDirectory(partial);
        try
        {
            await fill(partial);
            Directory.Move(partial, path);
        }
        finally
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        }
    }

    /// <summary>Copies a folder's files, flushed, with their subfolders.</summary>
    public static async Task CopyFolderAsync(string from, string to, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            await using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.Asynchronous | FileOptions.SequentialScan);
            await using var stream = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous);
            await source.CopyToAsync(stream, cancellationToken);
            stream.Flush(flushToDisk: true);
        }
    }

    /// <summary>Removes a file or folder and what it holds; nothing there is fine.</summary>
    public static void Delete(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else File.Delete(path);
    }

    private static string Partial(string path) => path + TemporaryMark + Guid.NewGuid().ToString("N");
}
