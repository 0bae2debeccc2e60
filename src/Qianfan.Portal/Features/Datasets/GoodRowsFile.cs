using System.Text.Encodings.Web;
using System.Text.Json;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What reading an uploaded file gave: its good rows in a file of one form (messages, one row a line), ready for the platform, and what the page shows. The file is deleted when this is disposed.</summary>
internal sealed class GoodRowsFile : IDisposable
{
    private GoodRowsFile(string path) => FilePath = path;

    public string FilePath { get; }

    public DatasetFormat Format { get; private set; }

    public long GoodRows { get; private set; }

    public long BadRows { get; private set; }

    public IReadOnlyList<RowError> Errors { get; private set; } = [];

    public IReadOnlyList<PreviewRow> Preview { get; private set; } = [];

    /// <summary>Reads a file once, in constant memory.</summary>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public static async Task<GoodRowsFile> ReadAsync(Stream content, string folder, CancellationToken cancellationToken)
    {
        var rows = new GoodRowsFile(Path.Combine(folder, $"{Guid.CreateVersion7()}.rows{UploadJournal.UploadExtension}"));
        try
        {
            var errors = new List<DatasetRowError>();
            var samples = new List<DatasetRow>();
            var reader = new DatasetReader(content);
            await using (var target = new FileStream(rows.FilePath, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.Asynchronous))
            {
                await foreach (var item in reader.ReadRowsAsync(cancellationToken))
                {
                    if (item.Row is { } row)
                    {
                        await target.WriteAsync(Line(row), cancellationToken);
                        if (samples.Count < RowSamples.MaxRows)
                            samples.Add(row);
                    }
                    else if (item.Error is { } error && errors.Count < RowSamples.MaxErrors)
                    {
                        errors.Add(error);
                    }
                }
            }

            (rows.Format, rows.GoodRows, rows.BadRows) = (reader.Format, reader.GoodRows, reader.BadRows);
            (rows.Errors, rows.Preview) = (RowSamples.From(errors), RowSamples.From(samples));
            return rows;
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Delete(FilePath);

    private static byte[] Line(DatasetRow row) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(new Row([.. row.Messages.Select(m => new Turn(m.Role, m.Content, m.Weight is 0 ? 0 : null))]), Options), (byte)'\n'];

    private static readonly JsonSerializerOptions Options = new(JsonSerializerOptions.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    private sealed record Row(IReadOnlyList<Turn> Messages);

    private sealed record Turn(string Role, string Content, int? Weight);
}
