using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What comes with an uploaded file.</summary>
/// <param name="Name">Name for the dataset; null or empty takes the file's.</param>
/// <param name="ConnectionId">The platform to keep the rows; null takes the project's only one, or the embedded one.</param>
/// <param name="FileName">Name of the file in the browser.</param>
/// <param name="Kind">What its rows are: conversations or texts. A file can't tell: plain text may be either.</param>
public sealed record UploadRequest(string? Name, Guid? ConnectionId, string FileName, DatasetKind Kind = DatasetKind.Conversation);

/// <summary>No row of the file can be trained on.</summary>
internal sealed class NoGoodRowException(int badRows, IReadOnlyList<RowError> errors) : UserErrorException("DatasetNoGoodRow", badRows), IErrorDetails
{
    public object Details { get; } = errors.Take(20).ToList();
}

/// <summary>Takes uploaded files to datasets: to disk, through the reader, to the connection's platform, into the database. Nothing is left when it fails. Thread-safe.</summary>
public sealed class DatasetUploads(
    IDbContextFactory<PortalDbContext> contexts,
    PlatformDatasets platform,
    UploadJournal journal,
    AuditLog audit,
    DataDirectory data,
    IOptions<PortalOptions> options,
    TimeProvider time)
{
    private const int MaxName = 80;

    /// <summary>Makes sure that somebody may upload, before their file is read.</summary>
    public async Task RequireAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.EditDatasets, cancellationToken);
    }

    /// <summary>Checks what can be known before the file is on its way: name and connection.</summary>
    /// <exception cref="UserErrorException">One of them can't be used.</exception>
    public async Task CheckAsync(Actor actor, Guid projectId, UploadRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.EditDatasets, cancellationToken);
        RefuseTextsOnCloud(await ChooseConnectionAsync(db, actor, projectId, request.ConnectionId, cancellationToken), request);
        await FreeNameAsync(db, projectId, request, cancellationToken);
    }

    /// <summary>Stores a file as a dataset.</summary>
    /// <param name="actor">Who uploads.</param>
    /// <param name="projectId">Where it goes.</param>
    /// <param name="request">Name and connection.</param>
    /// <param name="body">The file; read once.</param>
    /// <param name="cancellationToken">Breaks off; nothing is left then.</param>
    /// <exception cref="UserErrorException">The file, the name or the connection is not what can be used, or the platform refuses.</exception>
    public async Task<UploadResult> UploadAsync(Actor actor, Guid projectId, UploadRequest request, Stream body, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditDatasets, cancellationToken);
        var connection = await ChooseConnectionAsync(db, actor, projectId, request.ConnectionId, cancellationToken);
        RefuseTextsOnCloud(connection, request);
        var name = await FreeNameAsync(db, projectId, request, cancellationToken);

        var folder = Path.Combine(data.FullPath, "uploads");
        await using var file = await ReceivedFile.ReceiveAsync(body, folder, options.Value.MaxUploadBytes, cancellationToken);
        using var rows = await ReadAsync(file, folder, request.Kind, cancellationToken);
        if (rows.GoodRows == 0)
            throw new NoGoodRowException((int)Math.Min(rows.BadRows, int.MaxValue), rows.Errors);

        var dataset = new Dataset
        {
            ProjectId = projectId,
            ConnectionId = connection.Id,
            Name = name,
            PlatformId = "",
            FileName = ShortFileName(request.FileName),
            Format = rows.Format,
            SizeBytes = file.Size,
            GoodRows = checked((int)rows.GoodRows),
            BadRows = checked((int)rows.BadRows),
            RowErrorsJson = RowSamples.Write(rows.Errors),
            PreviewJson = RowSamples.Write(rows.Preview),
            ContentHash = file.ContentHash,
            CreatedById = actor.Id,
            CreatedAt = time.GetUtcNow(),
        };
        // From here on something may be left on the platform: the journal knows of it until the row is saved or the rest is gone.
        var entry = await journal.BeginAsync(connection.Id, dataset.Id, cancellationToken);
        try
        {
            dataset.PlatformId = await platform.SaveAsync(
                connection.Id, dataset.Id, name, rows.FilePath, request.Kind, upload => journal.RecordAsync(entry, upload, CancellationToken.None), cancellationToken);
            db.Datasets.Add(dataset);
            audit.Add(db, actor, AuditActions.DatasetCreated, (dataset.Id, name), teamId, projectId, new Dictionary<string, string>
            {
                ["rows"] = dataset.GoodRows.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["badRows"] = dataset.BadRows.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["file"] = dataset.FileName,
            });
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (Exception e)
        {
            await journal.UndoAsync(entry);
            // Somebody else took the name while the file came in.
            if (e is DbUpdateException && await NameTakenAsync(projectId, name))
                throw new UserErrorException("DatasetNameTaken", name);
            throw;
        }

        journal.Finish(entry);
        return new UploadResult(dataset.Id, name, dataset.Format, dataset.GoodRows, dataset.BadRows, rows.Errors);
    }

    private static async Task<Connection> ChooseConnectionAsync(PortalDbContext db, Actor actor, Guid projectId, Guid? wanted, CancellationToken cancellationToken)
    {
        var connections = await db.Connections.AsNoTracking().VisibleTo(actor)
            .Where(c => c.ProjectId == projectId && (wanted == null || c.Id == wanted))
            .ToListAsync(cancellationToken);
        return connections switch
        {
            [] when wanted is not null => throw new NotFoundException("connection"),
            [] => throw new UserErrorException("NoConnection"),
            [var only] => only,
            _ => connections.FirstOrDefault(c => c.Kind is ConnectionKind.Embedded) ?? throw new UserErrorException("ConnectionMissing"),
        };
    }

    // It takes them as an archive behind a link, and no portal's upload.
    private static void RefuseTextsOnCloud(Connection connection, UploadRequest request)
    {
        if (request.Kind is DatasetKind.Text && connection.Kind is ConnectionKind.Cloud)
            throw new UserErrorException("TextsOnCloud");
    }

    private static async Task<string> FreeNameAsync(PortalDbContext db, Guid projectId, UploadRequest request, CancellationToken cancellationToken)
    {
        var name = request.Name?.Trim() is { Length: > 0 } given ? given : Path.GetFileNameWithoutExtension(ShortFileName(request.FileName)).Trim();
        if (name.Length is 0 or > MaxName || name.Any(char.IsControl))
            throw new UserErrorException("DatasetNameInvalid", MaxName);
        return await db.Datasets.AnyAsync(d => d.ProjectId == projectId && d.Name == name, cancellationToken)
            ? throw new UserErrorException("DatasetNameTaken", name)
            : name;
    }

    private async Task<bool> NameTakenAsync(Guid projectId, string name)
    {
        await using var db = await contexts.CreateDbContextAsync();
        return await db.Datasets.AnyAsync(d => d.ProjectId == projectId && d.Name == name);
    }

    private static async Task<GoodRowsFile> ReadAsync(ReceivedFile file, string folder, DatasetKind kind, CancellationToken cancellationToken)
    {
        try
        {
            return await GoodRowsFile.ReadAsync(file.Rewound(), folder, kind, cancellationToken);
        }
        catch (DatasetFileException error)
        {
            throw FileErrors.Translate(error);
        }
    }

    // Browsers send the bare name, other clients may send a path.
    private static string ShortFileName(string fileName)
    {
        var name = fileName[(fileName.LastIndexOfAny(['/', '\\']) + 1)..];
        return name.Length > 260 ? name[^260..] : name;
    }
}
