using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Datasets;

/// <summary>Training rows: a local file, or a dataset on the platform. Immutable but for <see cref="Id"/>, which <see cref="SaveAsync"/> sets.</summary>
/// <remarks>Seed: <c>qianfan.dataset.Dataset</c>, as far as the trainer takes it.</remarks>
public sealed class Dataset
{
    private Dataset(string? id, string? filePath, string? name)
    {
        Id = id;
        FilePath = filePath;
        Name = name;
    }

    /// <summary>The dataset on the platform (<c>ds-...</c>), or null while it is only a local file.</summary>
    public string? Id { get; private set; }

    /// <summary>The local file, or null.</summary>
    public string? FilePath { get; }

    /// <summary>Wished name on the platform.</summary>
    public string? Name { get; }

    /// <summary>A dataset that is on the platform already. No network.</summary>
    public static Dataset Load(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return new Dataset(id, null, null);
    }

    /// <summary>A local file of any form that <see cref="DatasetReader"/> understands. The file is read when it is needed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Wished name on the platform; the file's name when null.</param>
    public static Dataset FromFile(string path, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Dataset(null, path, name ?? Path.GetFileNameWithoutExtension(path));
    }

    /// <summary>The rows of the local file, in constant memory; bad ones as errors.</summary>
    /// <exception cref="InvalidArgumentException">There is no local file.</exception>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public async IAsyncEnumerable<DatasetItem> ReadRowsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var stream = OpenFile();
        await using (stream.ConfigureAwait(false))
        {
            await foreach (var item in DatasetReader.ReadAsync(stream, null, cancellationToken).ConfigureAwait(false))
            {
                yield return item;
            }
        }
    }

    /// <summary>Reads the local file and sums it up.</summary>
    /// <exception cref="InvalidArgumentException">There is no local file.</exception>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public async Task<DatasetSummary> ValidateAsync(CancellationToken cancellationToken = default)
    {
        var stream = OpenFile();
        await using (stream.ConfigureAwait(false))
        {
            return await DatasetReader.ValidateAsync(stream, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Brings a local file to the platform and waits until it is imported. Does nothing when it is there already.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="cancellationToken">Aborts.</param>
    /// <returns>The dataset's id.</returns>
    /// <exception cref="InvalidArgumentException">A row is bad; the message says which and why.</exception>
    /// <exception cref="InternalErrorException">The platform could not import the rows.</exception>
    public async Task<string> SaveAsync(QianfanClient client, CancellationToken cancellationToken = default)
    {
        if (Id is null)
        {
            await new LoadDataSetAction(client, this).ExecAsync(null, cancellationToken).ConfigureAwait(false);
        }

        return Id!;
    }

    internal void Saved(string id) => Id = id;

    internal FileStream OpenFile() =>
        FilePath is null
            ? throw new InvalidArgumentException("The dataset has no local file.")
            : new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.Read, 128 * 1024, FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>Writes the rows in the form that Qianfan's cloud takes: <c>[{"prompt", "response": [[...]]}]</c>, one a line.</summary>
    internal async Task WriteQianfanAsync(Stream target, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        await foreach (var item in ReadRowsAsync(cancellationToken).ConfigureAwait(false))
        {
            buffer.ResetWrittenCount();
            WriteRow(buffer, item.Row ?? throw new InvalidArgumentException($"Line {item.Error!.Line} can't be used: {item.Error.Message}"));
            await target.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void WriteRow(ArrayBufferWriter<byte> buffer, DatasetRow row)
    {
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartArray();
            var index = 0;
            var system = row.Messages[0].Role == "system" ? row.Messages[index++].Content : null;
            for (; index + 1 < row.Messages.Count; index += 2)
            {
                json.WriteStartObject();
                if (system is not null)
                {
                    json.WriteString("system", system);
                    system = null;
                }

                json.WriteString("prompt", row.Messages[index].Content);
                json.WriteStartArray("response");
                json.WriteStartArray();
                json.WriteStringValue(row.Messages[index + 1].Content);
                json.WriteEndArray();
                json.WriteEndArray();
                if (row.Messages[index + 1].Weight is 0)
                {
                    json.WriteNumber("weight", 0);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        buffer.Write("\n"u8);
    }
}
