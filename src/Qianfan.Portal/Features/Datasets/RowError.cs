using System.Text.Json;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>Why a row of a dataset can't be used, as it is kept with the dataset and sent to the page.</summary>
/// <param name="Line">Line of the file, from 1.</param>
/// <param name="Field">The field, or null when the row as a whole is meant.</param>
/// <param name="Code">One of <see cref="DatasetErrorCodes"/>; the page has a text for each.</param>
/// <param name="Message">The reader's own sentence, in English.</param>
public sealed record RowError(long Line, string? Field, string Code, string Message);

/// <summary>A good row as the page shows it: a conversation, or a text.</summary>
/// <param name="Line">Line of the file, from 1.</param>
/// <param name="Messages">Its turns, or the text alone; what is long is cut.</param>
public sealed record PreviewRow(long Line, IReadOnlyList<PreviewMessage> Messages);

/// <summary>A turn of a <see cref="PreviewRow"/>.</summary>
/// <param name="Role">system, user or assistant; text for a text without form.</param>
/// <param name="Content">The text, cut after <see cref="RowSamples.MaxCharacters"/>.</param>
public sealed record PreviewMessage(string Role, string Content);

/// <summary>Turns what the reader found into what is stored, and back. Sizes are bounded: a row may be megabytes long.</summary>
public static class RowSamples
{
    /// <summary>Bad rows that are kept; all are counted.</summary>
    public const int MaxErrors = 100;

    /// <summary>Good rows that are kept for the preview.</summary>
    public const int MaxRows = 8;

    /// <summary>Turns of a row that are kept.</summary>
    public const int MaxMessages = 12;

    /// <summary>Characters of a text that are kept.</summary>
    public const int MaxCharacters = 1200;

    /// <summary>The reader's errors.</summary>
    public static IReadOnlyList<RowError> From(IEnumerable<DatasetRowError> errors) =>
        [.. errors.Take(MaxErrors).Select(e => new RowError(e.Line, e.Field is null ? null : Cut(e.Field, 120), e.Code, Cut(e.Message, 400)))];

    /// <summary>The reader's rows.</summary>
    public static IReadOnlyList<PreviewRow> From(IEnumerable<DatasetRow> rows) =>
        [.. rows.Take(MaxRows).Select(r => new PreviewRow(r.Line, [.. Messages(r).Take(MaxMessages).Select(m => m with { Content = Cut(m.Content, MaxCharacters) })]))];

    /// <summary>What a dataset row holds.</summary>
    public static string Write<T>(IReadOnlyList<T> items) => JsonSerializer.Serialize(items, JsonSerializerOptions.Web);

    /// <summary>What <see cref="Write{T}"/> wrote.</summary>
    public static IReadOnlyList<T> Read<T>(string json) => JsonSerializer.Deserialize<IReadOnlyList<T>>(json, JsonSerializerOptions.Web) ?? [];

    private static IEnumerable<PreviewMessage> Messages(DatasetRow row) =>
        row.Text is { } text ? [new PreviewMessage("text", text)] : row.Messages.Select(m => new PreviewMessage(m.Role, m.Content));

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        // Half of a surrogate pair is no text.
        var end = char.IsHighSurrogate(text[length - 1]) ? length - 1 : length;
        return string.Concat(text.AsSpan(0, end), "…");
    }
}
