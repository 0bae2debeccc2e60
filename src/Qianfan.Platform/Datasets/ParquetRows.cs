using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Parquet;
using Parquet.Serialization;
using Qianfan.Platform.Data;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Platform.Datasets;

/// <summary>Makes Parquet what every other file is: JSON lines, a row a line, so that the rows are told apart and checked by the same rules. Thread-safe.</summary>
public static class ParquetRows
{
    /// <summary>Most rows of a row group; they are in memory together.</summary>
    private const long MostGroupRows = 1 << 20;

    /// <summary>Most bytes of a row group, uncompressed.</summary>
    private const long MostGroupBytes = 256L << 20;

    private const int LeastBytes = 12;

    /// <summary>The rows of a file as text.</summary>
    /// <param name="file">A file at its beginning that can be sought. Left open.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <returns>The same stream when it is no Parquet; otherwise JSON lines, line 1 being the first row. Its reads throw <see cref="DatasetFileException"/> where the file is broken.</returns>
    /// <exception cref="DatasetFileException">It begins as Parquet and is broken.</exception>
    public static async Task<Stream> OpenAsync(Stream file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        var head = new byte[4];
        var length = await file.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        file.Position = 0;
        if (length < head.Length || !head.AsSpan().SequenceEqual("PAR1"u8)) return file;
        if (file.Length < LeastBytes) throw Broken(null);
        return new JsonLines(file, await GuardAsync(() => CheckAsync(file, cancellationToken), null));
    }

    /// <returns>How many row groups there are.</returns>
    private static async Task<int> CheckAsync(Stream file, CancellationToken cancellationToken)
    {
        await using var reader = await ParquetReader.CreateAsync(file, leaveStreamOpen: true, cancellationToken: cancellationToken);
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            using var open = reader.OpenRowGroupReader(group);
            if (open.RowCount is < 0 or > MostGroupRows || open.RowGroup.TotalByteSize is < 0 or > MostGroupBytes)
            {
                throw new DatasetFileException(
                    DatasetErrorCodes.BrokenParquet,
                    $"Row group {group + 1} of the Parquet file has {open.RowCount} rows and {open.RowGroup.TotalByteSize} bytes; it may have {MostGroupRows} rows and {MostGroupBytes} bytes. Write the file with smaller row groups.");
            }
        }

        return reader.RowGroupCount;
    }

    /// <summary>The library meets a broken file with exceptions of every kind, of its own, of its decoders and of arrays that are too short.</summary>
    private static async Task<T> GuardAsync<T>(Func<Task<T>> read, long? line)
    {
        try
        {
            return await read();
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or DatasetFileException or UnauthorizedAccessException))
        {
            throw Broken(line);
        }
    }

    private static DatasetFileException Broken(long? line) =>
        new(DatasetErrorCodes.BrokenParquet, "The Parquet file is broken, cut off, or uses what can't be read here. Write it again, or upload JSON lines.", line);

    private sealed class JsonLines(Stream file, int groups) : ForwardStream
    {
        private static readonly JsonSerializerOptions s_json = new()
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        };

        private ReadOnlyMemory<byte> _line;
        private IList<Dictionary<string, object>> _rows = [];
        private int _next;
        private int _group;
        private long _lines;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.Length == 0) return 0;
            while (_line.Length == 0)
            {
                if (_next < _rows.Count)
                {
                    _lines++;
                    var row = _rows[_next++];
                    _line = await GuardAsync(() => Task.FromResult(Line(row)), _lines);
                }
                else if (_group < groups)
                {
                    _rows = [];
                    file.Position = 0;
                    _rows = await GuardAsync(async () => (await ParquetSerializer.DeserializeUntypedAsync(file, null, _group, cancellationToken)).Data, _lines + 1);
                    (_next, _group) = (0, _group + 1);
                }
                else
                {
                    return 0;
                }
            }

            var count = Math.Min(buffer.Length, _line.Length);
            _line[..count].CopyTo(buffer);
            _line = _line[count..];
            return count;
        }

        private static ReadOnlyMemory<byte> Line(Dictionary<string, object> row) => (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(row, s_json), (byte)'\n'];
    }
}
