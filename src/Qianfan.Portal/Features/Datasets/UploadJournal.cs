using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Sdk;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>An upload under way.</summary>
/// <param name="ConnectionId">The platform that it goes to.</param>
/// <param name="DatasetId">The row that will be saved.</param>
/// <param name="Upload">What was made on the platform so far.</param>
public sealed record JournalEntry(Guid ConnectionId, Guid DatasetId, PlatformUpload? Upload);

/// <summary>Knows of datasets that were made on a platform and have no row yet: one small file for each, so that a portal that died in between cleans up when it starts again. Thread-safe.</summary>
public sealed partial class UploadJournal(IDbContextFactory<PortalDbContext> contexts, PlatformDatasets platform, DataDirectory data, ILogger<UploadJournal> logger)
{
    /// <summary>Files that an upload needs while it is under way.</summary>
    public const string UploadExtension = ".upload";

    private const string Extension = ".pending";

    private string Folder => Path.Combine(data.FullPath, "uploads");

    /// <summary>Notes that an upload begins.</summary>
    public async Task<JournalEntry> BeginAsync(Guid connectionId, Guid datasetId, CancellationToken cancellationToken)
    {
        var entry = new JournalEntry(connectionId, datasetId, null);
        await WriteAsync(entry, cancellationToken);
        return entry;
    }

    /// <summary>Notes what was made on the platform.</summary>
    public Task RecordAsync(JournalEntry entry, PlatformUpload upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return WriteAsync(entry with { Upload = upload }, cancellationToken);
    }

    /// <summary>The row is saved: nothing to undo any more.</summary>
    public void Finish(JournalEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        File.Delete(PathOf(entry.DatasetId));
    }

    /// <summary>Deletes what was made on the platform. If that fails now, the next start tries again.</summary>
    public async Task UndoAsync(JournalEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        await SweepAsync(PathOf(entry.DatasetId), CancellationToken.None);
    }

    /// <summary>Cleans up after a portal that died.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(Folder))
            return;
        foreach (var path in Directory.EnumerateFiles(Folder, "*" + Extension))
            await SweepAsync(path, cancellationToken);
    }

    /// <summary>Deletes files of uploads that were under way when a portal died; before any upload begins.</summary>
    internal void DeleteLeftovers()
    {
        if (!Directory.Exists(Folder))
            return;
        foreach (var path in (string[])[.. Directory.GetFiles(Folder, "*" + UploadExtension), .. Directory.GetFiles(Folder, "*.tmp")])
            File.Delete(path);
    }

    private async Task SweepAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            var entry = JsonSerializer.Deserialize<JournalEntry>(await File.ReadAllBytesAsync(path, cancellationToken));
            if (entry?.Upload is { } upload && !await IsSavedAsync(entry.DatasetId, cancellationToken))
                await platform.UndoAsync(entry.ConnectionId, upload, cancellationToken);
        }
        catch (NotFoundException)
        {
            // The connection is gone, and with it the way to what lies behind it.
        }
        catch (Exception error) when (error is QianfanException or JsonException or IOException or CryptographicException)
        {
            NotUndone(logger, Path.GetFileNameWithoutExtension(path), error);
            return;
        }

        File.Delete(path);
    }

    private async Task<bool> IsSavedAsync(Guid datasetId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Datasets.AnyAsync(d => d.Id == datasetId, cancellationToken);
    }

    private async Task WriteAsync(JournalEntry entry, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Folder);
        var path = PathOf(entry.DatasetId);
        var temporary = path + ".tmp";
        await using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            await JsonSerializer.SerializeAsync(file, entry, cancellationToken: cancellationToken);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private string PathOf(Guid datasetId) => Path.Combine(Folder, $"{datasetId}{Extension}");

    [LoggerMessage(Level = LogLevel.Warning, Message = "What the broken upload {DatasetId} left on its platform could not be deleted; the next start tries again")]
    private static partial void NotUndone(ILogger logger, string datasetId, Exception error);
}

/// <summary>Cleans up broken uploads once the portal (and with it the embedded platform) answers.</summary>
internal sealed class UploadSweep(UploadJournal journal, IHostApplicationLifetime lifetime) : BackgroundService
{
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        journal.DeleteLeftovers();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onStarted = lifetime.ApplicationStarted.Register(started.SetResult);
        try
        {
            await started.Task.WaitAsync(stoppingToken);
            await journal.SweepAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped before it was done: the next start goes on.
        }
    }
}
