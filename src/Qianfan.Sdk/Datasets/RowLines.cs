using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Good rows in the internal form, waiting to be written: <c>{"messages":[{"role","content"}]}</c> or <c>{"text"}</c>, one a line. Not thread-safe.</summary>
internal sealed class RowLines
{
    private const int FlushBytes = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new(2 * FlushBytes);

    public bool IsFull => _buffer.WrittenCount >= FlushBytes;

    /// <summary>Valid until the next row.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    public void Clear() => _buffer.ResetWrittenCount();

    public void Append(ReadOnlySpan<byte> json) => _buffer.Write(json);

    public void Begin(string role, ref bool first)
    {
        Append(first ? "{\"messages\":[{\"role\":\""u8 : ",{\"role\":\""u8);
        first = false;
        Append(role switch { "user" => "user"u8, "assistant" => "assistant"u8, _ => "system"u8 });
        Append("\",\"content\":\""u8);
    }

    public void End(double weight) => Append(weight == 1 ? "\"}"u8 : "\",\"weight\":0}"u8);

    public void EndRow() => Append("]}\n"u8);

    /// <summary>A row whose texts don't stand in the file as JSON.</summary>
    public void Add(DatasetRow row)
    {
        if (row.Text is { } text)
        {
            BeginText();
            Append(Encoded(text));
            EndText();
            return;
        }

        var first = true;
        foreach (var message in row.Messages)
        {
            Begin(message.Role, ref first);
            Append(Encoded(message.Content));
            End(message.Weight);
        }

        EndRow();
    }

    public void BeginText() => Append("{\"text\":\""u8);

    public void EndText() => Append("\"}\n"u8);

    private static ReadOnlySpan<byte> Encoded(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes;
}
