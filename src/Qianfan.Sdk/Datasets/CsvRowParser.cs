using System.Text;

namespace Qianfan.Sdk.Datasets;

/// <summary>Turns CSV records (RFC 4180) into rows, by the columns that the header names.</summary>
internal sealed class CsvRowParser
{
    private readonly DatasetKind _kind;
    private readonly int _columns;
    private readonly int _system;
    private readonly int[] _needed;

    private CsvRowParser(DatasetKind kind, byte delimiter, List<string> header)
    {
        _kind = kind;
        Delimiter = delimiter;
        _columns = header.Count;
        _system = kind == DatasetKind.Text ? -1 : IndexOf(header, "system");
        _needed = [.. Columns(kind).Select(name => IndexOf(header, name))];
    }

    public byte Delimiter { get; }

    /// <summary>Reads the header.</summary>
    /// <returns>Null when the record does not name the columns that the kind needs.</returns>
    public static CsvRowParser? FromHeader(ReadOnlySpan<byte> record, DatasetKind kind)
    {
        var needed = Columns(kind);
        foreach (var delimiter in ",;\t"u8)
        {
            if (needed.Length > 0 && TryReadFields(record, delimiter, out var fields) && needed.All(name => IndexOf(fields, name) >= 0))
            {
                return new CsvRowParser(kind, delimiter, fields);
            }
        }

        return null;
    }

    /// <summary>The columns that a kind needs; none where CSV can't hold it.</summary>
    private static string[] Columns(DatasetKind kind) => kind switch
    {
        DatasetKind.Conversation => ["prompt", "response"],
        DatasetKind.PromptSet => ["prompt"],
        DatasetKind.Text => ["text"],
        _ => [],
    };

    public RowResult Parse(ReadOnlySpan<byte> record, long line)
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

        var names = Columns(_kind);
        long characters = messages.Count > 0 ? messages[0].Content.Length : 0;
        for (var i = 0; i < names.Length; i++)
        {
            var field = fields[_needed[i]];
            if (string.IsNullOrWhiteSpace(field))
            {
                return Error(line, names[i], DatasetErrorCodes.EmptyField, $"{names[i]} is empty.");
            }

            characters += field.Length;
            if (_kind == DatasetKind.Text)
            {
                return new RowResult(new DatasetRow(line, []) { Text = field }, null, characters);
            }

            messages.Add(new DatasetMessage(i == 0 ? "user" : "assistant", field));
        }

        return new RowResult(new DatasetRow(line, messages), null, characters);
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

    private static RowResult Error(long line, string? field, string code, string message) => RowResult.Bad(line, field, code, message);
}
