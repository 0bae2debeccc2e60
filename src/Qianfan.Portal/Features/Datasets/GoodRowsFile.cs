using Qianfan.Platform.Datasets;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What reading an uploaded file gave: its good rows in a file of one form (messages or a text, one row a line), ready for the platform, and what the page shows. The file is deleted when this is disposed.</summary>
internal sealed class GoodRowsFile : IDisposable
{
    private GoodRowsFile(string path) => FilePath = path;

    public string FilePath { get; }

    /// <summary>A name of <see cref="DatasetFormat"/>, or <c>Parquet</c>.</summary>
    public string Format { get; private set; } = nameof(DatasetFormat.Unknown);

    public long GoodRows { get; private set; }

    public long BadRows { get; private set; }

    public IReadOnlyList<RowError> Errors { get; private set; } = [];

    public IReadOnlyList<PreviewRow> Preview { get; private set; } = [];

    /// <summary>Reads a file once, in constant memory.</summary>
    /// <param name="content">The file at its beginning; can be sought. Left open.</param>
    /// <param name="folder">Where the rows are kept.</param>
    /// <param name="kind">What the rows are.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public static async Task<GoodRowsFile> ReadAsync(Stream content, string folder, DatasetKind kind, CancellationToken cancellationToken)
    {
        var rows = new GoodRowsFile(Path.Combine(folder, $"{Guid.CreateVersion7()}.rows{UploadJournal.UploadExtension}"));
        try
        {
            var errors = new List<DatasetRowError>();
            var samples = new List<DatasetRow>();
            var text = await ParquetRows.OpenAsync(content, cancellationToken);
            var reader = new DatasetReader(text, new DatasetReaderOptions { Kind = kind });
            await using (var target = new FileStream(rows.FilePath, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous))
                await reader.ConvertAsync(target, Keep, RowSamples.MaxRows, cancellationToken);

            (rows.Format, rows.GoodRows, rows.BadRows) = (kind is DatasetKind.Text ? Dataset.TextFormat : text == content ? reader.Format.ToString() : "Parquet", reader.GoodRows, reader.BadRows);
            (rows.Errors, rows.Preview) = (RowSamples.From(errors), RowSamples.From(samples));
            return rows;

            void Keep(DatasetItem item)
            {
                if (item.Row is { } row)
                    samples.Add(row);
                else if (errors.Count < RowSamples.MaxErrors)
                    errors.Add(item.Error!);
            }
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Delete(FilePath);
}
