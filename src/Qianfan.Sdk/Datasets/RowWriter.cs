using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Writes rows as Qianfan's JSON. The row's messages must be in order (<see cref="RowCheck"/>). Not thread-safe.</summary>
internal sealed class RowWriter : IDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;

    public RowWriter() => _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <returns>The row as JSON on one line, without a line break; valid until the next call.</returns>
    public ReadOnlyMemory<byte> Write(DatasetRow row, DatasetKind kind)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        if (kind == DatasetKind.Text)
        {
            _json.WriteStartObject();
            _json.WriteString("text", row.Text);
            _json.WriteEndObject();
        }
        else
        {
            WriteTurns(row, kind);
        }

        _json.Flush();
        return _buffer.WrittenMemory;
    }

    public void Dispose() => _json.Dispose();

    private void WriteTurns(DatasetRow row, DatasetKind kind)
    {
        _json.WriteStartArray();
        for (var index = 0; index < row.Messages.Count; index++)
        {
            _json.WriteStartObject();
            if (row.Messages[index].Role == "system")
            {
                _json.WriteString("system", row.Messages[index++].Content);
            }

            _json.WriteString(kind == DatasetKind.Preference ? "user" : "prompt", row.Messages[index].Content);
            if (index + 1 < row.Messages.Count && row.Messages[index + 1].Role == "assistant")
            {
                WriteAnswer(row.Messages[++index], kind);
            }
            else if (kind == DatasetKind.Preference)
            {
                WriteOptional("chosen", row.Chosen);
                WriteOptional("rejected", row.Rejected);
            }

            _json.WriteEndObject();
        }

        _json.WriteEndArray();
    }

    private void WriteAnswer(DatasetMessage answer, DatasetKind kind)
    {
        if (kind == DatasetKind.Preference)
        {
            _json.WriteString("assistant", answer.Content);
            return;
        }

        _json.WriteStartArray("response");
        foreach (var response in (IEnumerable<string>)[answer.Content, .. answer.Alternatives ?? []])
        {
            _json.WriteStartArray();
            _json.WriteStringValue(response);
            _json.WriteEndArray();
        }

        _json.WriteEndArray();
        if (answer.Scores is { } scores)
        {
            _json.WriteStartArray("score");
            foreach (var score in scores)
            {
                _json.WriteNumberValue(score);
            }

            _json.WriteEndArray();
        }

        if (answer.Weight is not 1)
        {
            _json.WriteNumber("weight", answer.Weight);
        }
    }

    private void WriteOptional(string name, string? text)
    {
        if (text is not null)
        {
            _json.WriteString(name, text);
        }
    }
}
