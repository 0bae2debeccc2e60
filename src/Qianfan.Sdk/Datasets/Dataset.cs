using System.Runtime.CompilerServices;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Datasets;

/// <summary>Rows: of a local file, of a dataset on the platform, or made from another dataset. Immutable but for <see cref="Id"/>, which saving to the platform sets. Rows are read when they are needed, one at a time.</summary>
/// <remarks>Seed: <c>qianfan.dataset.Dataset</c>. Each enumeration reads the source again, and calls the functions given to <see cref="Filter"/> and <see cref="Map"/> again.</remarks>
public sealed class Dataset : IAsyncEnumerable<DatasetRow>
{
    private readonly Func<CancellationToken, IAsyncEnumerable<DatasetItem>>? _rows;

    private Dataset(string? id, string? filePath, string? name, DatasetKind kind, Func<CancellationToken, IAsyncEnumerable<DatasetItem>>? rows = null)
    {
        Id = id;
        FilePath = filePath;
        Name = name;
        Kind = kind;
        _rows = rows;
    }

    /// <summary>The dataset on the platform (<c>ds-...</c>), or null while it is not there.</summary>
    public string? Id { get; private set; }

    /// <summary>The local file whose rows these are, unchanged; otherwise null.</summary>
    public string? FilePath { get; }

    /// <summary>Wished name on the platform.</summary>
    public string? Name { get; }

    /// <summary>What the rows hold.</summary>
    public DatasetKind Kind { get; }

    /// <summary>A dataset that is on the platform already, to train on. No network.</summary>
    public static Dataset Load(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return new Dataset(id, null, null, DatasetKind.Conversation);
    }

    /// <summary>A dataset that is on the platform already, whose rows can be read too: page by page from our platform, by an export from the cloud. No network until then.</summary>
    /// <param name="id">The dataset (<c>ds-...</c>).</param>
    /// <param name="client">The way to the platform.</param>
    /// <param name="kind">What its rows hold; reading fails when the platform says otherwise.</param>
    public static Dataset Load(string id, QianfanClient client, DatasetKind kind = DatasetKind.Conversation)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        ArgumentNullException.ThrowIfNull(client);
        return new Dataset(id, null, null, kind, token => PlatformRows.ReadAsync(client, id, kind, token));
    }

    /// <summary>A local file of any form that <see cref="DatasetReader"/> understands. The file is read when it is needed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Wished name on the platform; the file's name when null.</param>
    /// <param name="kind">What its rows hold.</param>
    public static Dataset FromFile(string path, string? name = null, DatasetKind kind = DatasetKind.Conversation)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Dataset(null, path, name ?? Path.GetFileNameWithoutExtension(path), kind);
    }

    /// <summary>Rows that the caller has or makes.</summary>
    /// <param name="rows">The rows; enumerated anew each time that they are read.</param>
    /// <param name="name">Wished name on the platform.</param>
    /// <param name="kind">What the rows hold.</param>
    /// <remarks>Source: <c>qianfan.dataset.Dataset.create_from_pyobj</c>.</remarks>
    public static Dataset FromRows(IAsyncEnumerable<DatasetRow> rows, string? name = null, DatasetKind kind = DatasetKind.Conversation)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Dataset(null, null, name, kind, _ => rows.Select(row => new DatasetItem(row)));
    }

    /// <inheritdoc cref="FromRows(IAsyncEnumerable{DatasetRow}, string?, DatasetKind)"/>
    public static Dataset FromRows(IEnumerable<DatasetRow> rows, string? name = null, DatasetKind kind = DatasetKind.Conversation)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return FromRows(rows.ToAsyncEnumerable(), name, kind);
    }

    /// <summary>Leaves out rows. Bad rows stay bad.</summary>
    /// <param name="keep">True for a row that stays.</param>
    /// <remarks>Source: <c>qianfan.dataset.Dataset.filter</c>.</remarks>
    public Dataset Filter(Func<DatasetRow, bool> keep)
    {
        ArgumentNullException.ThrowIfNull(keep);
        return With(token => ReadRowsAsync(token).Where(item => item.Row is not { } row || keep(row)));
    }

    /// <summary>Puts a row in place of each row. Bad rows stay bad; what comes out is checked when it is validated or saved.</summary>
    /// <param name="change">Makes the new row; never gives null.</param>
    /// <remarks>Source: <c>qianfan.dataset.Dataset.map</c>.</remarks>
    public Dataset Map(Func<DatasetRow, DatasetRow> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return With(token => ReadRowsAsync(token).Select(item => item.Row is { } row ? new DatasetItem(change(row)) : item));
    }

    /// <summary>Makes a row of each turn of a conversation, with <see cref="DatasetRow.Group"/> telling which belong together. The system text stays with the first turn.</summary>
    /// <exception cref="InvalidArgumentException">The rows are of a kind without turns.</exception>
    /// <remarks>Source: <c>qianfan.dataset.Dataset.unpack</c>.</remarks>
    public Dataset Unpack()
    {
        RequireTurns();
        return With(token => RowGroups.UnpackAsync(ReadRowsAsync(token), token));
    }

    /// <summary>Makes one conversation of neighbouring rows that have the same <see cref="DatasetRow.Group"/>. Rows without a group stay as they are.</summary>
    /// <exception cref="InvalidArgumentException">The rows are of a kind without turns.</exception>
    /// <remarks>Source: <c>qianfan.dataset.Dataset.pack</c>.</remarks>
    public Dataset Pack()
    {
        RequireTurns();
        return With(token => RowGroups.PackAsync(ReadRowsAsync(token), token));
    }

    /// <summary>The rows in constant memory; bad ones as errors.</summary>
    /// <exception cref="InvalidArgumentException">The rows can't be read: they are on the platform, and no client was given.</exception>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public IAsyncEnumerable<DatasetItem> ReadRowsAsync(CancellationToken cancellationToken = default) =>
        _rows is not null ? _rows(cancellationToken) : ReadFileAsync(cancellationToken);

    /// <summary>The good rows in constant memory, up to the first bad one: that raises <see cref="InvalidArgumentException"/> with its line and reason.</summary>
    public async IAsyncEnumerator<DatasetRow> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        await foreach (var item in ReadRowsAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return item.Row ?? throw Bad(item.Error!);
        }
    }

    /// <summary>Reads all rows and sums them up: how many are good and bad, and what is wrong, by line and field.</summary>
    /// <exception cref="InvalidArgumentException">The rows can't be read: they are on the platform, and no client was given.</exception>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public async Task<DatasetSummary> ValidateAsync(CancellationToken cancellationToken = default)
    {
        if (_rows is not null)
        {
            return await RowCheck.SumUpAsync(ReadRowsAsync(cancellationToken), Kind, cancellationToken).ConfigureAwait(false);
        }

        var stream = OpenFile();
        await using (stream.ConfigureAwait(false))
        {
            return await DatasetReader.ValidateAsync(stream, new DatasetReaderOptions { Kind = Kind }, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the rows to a local file, which appears complete or not at all. It may be the file that the rows come from.</summary>
    /// <param name="path">The file; one that is there is replaced, missing folders are made.</param>
    /// <param name="fileType">Form of the file; by the name's ending (<c>.jsonl</c>, <c>.json</c>, <c>.csv</c>, <c>.txt</c>) when null.</param>
    /// <param name="cancellationToken">Breaks off; no file is left.</param>
    /// <returns>The dataset of that file.</returns>
    /// <exception cref="InvalidArgumentException">A row is bad, or the form can't hold it; the message says which and why. Or the name's ending tells no form.</exception>
    public async Task<Dataset> SaveAsync(string path, DatasetFileType? fileType = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        await DatasetFile.WriteAsync(this, path, fileType ?? DatasetFile.TypeOf(path), cancellationToken).ConfigureAwait(false);
        return FromFile(path, Name, Kind);
    }

    /// <summary>Writes the rows to a stream.</summary>
    /// <param name="target">Gets the rows in UTF-8. Left open, not flushed.</param>
    /// <param name="fileType">Form of the rows.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="InvalidArgumentException">A row is bad, or the form can't hold it; the message says which and why. Rows before it are written.</exception>
    public Task SaveAsync(Stream target, DatasetFileType fileType, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        return DatasetFile.WriteAsync(this, target, fileType, cancellationToken);
    }

    /// <summary>Brings the rows to the platform and waits until they are imported, conversations also until they are released. Does nothing when they are there already.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="cancellationToken">Aborts.</param>
    /// <returns>The dataset's id.</returns>
    /// <exception cref="InvalidArgumentException">A row is bad; the message says which and why.</exception>
    /// <exception cref="InternalErrorException">The platform could not import the rows.</exception>
    public async Task<string> SaveAsync(QianfanClient client, CancellationToken cancellationToken = default)
    {
        if (Id is not null)
        {
            return Id;
        }

        if (Kind != DatasetKind.Conversation)
        {
            Id = await DatasetUpload.RunAsync(client, this, cancellationToken).ConfigureAwait(false);
        }
        else if (FilePath is not null)
        {
            await new LoadDataSetAction(client, this).ExecAsync(null, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // The action takes files: what was made from other rows goes by way of one.
            var copy = Path.Combine(Path.GetTempPath(), $"qianfan-{Guid.NewGuid():N}.jsonl");
            try
            {
                var saved = await SaveAsync(copy, DatasetFileType.JsonLines, cancellationToken).ConfigureAwait(false);
                Id = await saved.SaveAsync(client, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                File.Delete(copy);
            }
        }

        return Id!;
    }

    internal static InvalidArgumentException Bad(DatasetRowError error) => new($"Line {error.Line} can't be used: {error.Message}");

    internal void Saved(string id) => Id = id;

    internal FileStream OpenFile() =>
        FilePath is null
            ? throw new InvalidArgumentException(Id is null ? "The dataset has no local file." : $"The rows of {Id} are on the platform: give Load a client to read them.")
            : new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>Writes the rows in the form that Qianfan's cloud takes, one a line.</summary>
    internal Task WriteQianfanAsync(Stream target, CancellationToken cancellationToken) => DatasetFile.WriteAsync(this, target, DatasetFileType.JsonLines, cancellationToken);

    private async IAsyncEnumerable<DatasetItem> ReadFileAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = OpenFile();
        await using (stream.ConfigureAwait(false))
        {
            await foreach (var item in DatasetReader.ReadAsync(stream, new DatasetReaderOptions { Kind = Kind }, cancellationToken).ConfigureAwait(false))
            {
                yield return item;
            }
        }
    }

    private Dataset With(Func<CancellationToken, IAsyncEnumerable<DatasetItem>> rows) => new(null, null, Name, Kind, rows);

    private void RequireTurns()
    {
        if (Kind is DatasetKind.Text or DatasetKind.Preference)
        {
            throw new InvalidArgumentException($"Rows of the kind {Kind} have no turns to group.");
        }
    }
}
