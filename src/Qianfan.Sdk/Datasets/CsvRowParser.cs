using System.Text;

namespace Qianfan.Sdk.Datasets;

/// <summary>Turns CSV records (RFC 4180) into rows, by the columns that the header names.</summary>
internal sealed class CsvRowParser
{
    private readonly int _columns;
    private readonly int _prompt;
    private readonly int _response;
    private readonly int _system;

    private CsvRowParser(byte delimiter, List<string> header)
    {
        Delimiter = delimiter;
        _columns = header.Count;
        _prompt = IndexOf(header, "prompt");
        _response = IndexOf(header, "response");
        _system = IndexOf(header, "system");
    }

    public byte Delimiter { get; }

    /// <exception cref="DatasetFileException">The first record is no header with prompt and response: the file has no form that is understood.</exception>
    public static CsvRowParser FromHeader(ReadOnlySpan<byte> record)
    {
        foreach (var delimiter in ",;\t"u8)
        {
            if (TryReadFields(record, delimiter, out var fields) && IndexOf(fields, "prompt") >= 0 && IndexOf(fields, "response") >= 0)
            {
                return new CsvRowParser(delimiter, fields);
            }
        }

        throw new DatasetFileException(
            DatasetErrorCodes.UnknownFormat,
            "The file has no form that is understood. It must be JSON lines (Qianfan prompt and response, OpenAI messages, Alpaca), a JSON array of such rows, or CSV whose first line names the columns prompt and response.",
            1);
    }

    public DatasetItem Parse(ReadOnlySpan<byte> record, long line)
    {
        if (!TryReadFields(record, Delimiter, out var fields))
        {
            return Error(line, null, DatasetErrorCodes.CsvQuote, "A quotation mark is in the wrong place or never closed. Inside a quoted field, double it.");
        }

        if (fields.Count != _columns)
        {
            return Error(line, null, DatasetErrorCodes.CsvColumns, $"The row has {fields.Count} fields where the header has {_columns}. Quote fields that hold a separator or a line break.");
        }

        var messages = new List<DatasetMessage>(3);
        if (_system >= 0 && !string.IsNullOrWhiteSpace(fields[_system]))
        {
            messages.Add(new DatasetMessage("system", fields[_system]));
        }

        foreach (var (column, name, role) in new[] { (_prompt, "prompt", "user"), (_response, "response", "assistant") })
        {
            if (string.IsNullOrWhiteSpace(fields[column]))
            {
                return Error(line, name, DatasetErrorCodes.EmptyField, $"{name} is empty.");
            }

            messages.Add(new DatasetMessage(role, fields[column]));
        }

        return new DatasetItem(new DatasetRow(line, messages));
    }

    /// <summary>Splits a record; false when its quotes are wrong.</summary>
    private static bool TryReadFields(ReadOnlySpan<byte> record, byte delimiter, out List<string> fields)
    {
        fields = [];
        record = TrimLineBreak(record);
        while (true)
        {
            if (record.Length > 0 && record[0] == (byte)'"')
            {
                if (!TryReadQuoted(record[1..], delimiter, fields, out var consumed))
                {
                    return false;
                }

                record = record[(1 + consumed)..];
            }
            else
            {
                var end = record.IndexOf(delimiter);
                var field = end < 0 ? record : record[..end];
                if (field.Contains((byte)'"'))
                {
                    return false;
                }

                fields.Add(Encoding.UTF8.GetString(field));
                record = end < 0 ? [] : record[end..];
            }

            if (record.Length == 0)
            {
                return true;
            }

            record = record[1..];
        }
    }

    private static bool TryReadQuoted(ReadOnlySpan<byte> text, byte delimiter, List<string> fields, out int consumed)
    {
        consumed = 0;
        var doubled = false;
        while (true)
        {
            var quote = text[consumed..].IndexOf((byte)'"');
            if (quote < 0)
            {
                return false;
            }

            consumed += quote + 1;
            if (consumed < text.Length && text[consumed] == (byte)'"')
            {
                doubled = true;
                consumed++;
                continue;
            }

            if (consumed < text.Length && text[consumed] != delimiter)
            {
                return false;
            }

            var value = Encoding.UTF8.GetString(text[..(consumed - 1)]);
            fields.Add(doubled ? value.Replace("\"\"", "\"", StringComparison.Ordinal) : value);
            return true;
        }
    }

    private static ReadOnlySpan<byte> TrimLineBreak(ReadOnlySpan<byte> record)
    {
        if (record.EndsWith("\n"u8))
        {
            record = record[..^1];
        }

        return record.EndsWith("\r"u8) ? record[..^1] : record;
    }

    private static int IndexOf(List<string> header, string name) => header.FindIndex(h => h.Trim().Equals(name, StringComparison.OrdinalIgnoreCase));

    private static DatasetItem Error(long line, string? field, string code, string message) => new(new DatasetRowError(line, field, code, message));
}
