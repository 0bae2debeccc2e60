namespace Qianfan.Sdk.Datasets;

/// <summary>One turn of a training row.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">The text, never empty.</param>
/// <param name="Weight">For assistant turns: 0 means that nothing is learnt from it. Otherwise 1.</param>
public sealed record DatasetMessage(string Role, string Content, double Weight = 1)
{
    /// <summary>For assistant turns of <see cref="DatasetKind.SortedResponses"/>: the responses behind <see cref="Content"/>, from the better to the worse. Otherwise null.</summary>
    public IReadOnlyList<string>? Alternatives { get; init; }

    /// <summary>The score of each response, the best first, where the row gives them. Otherwise null.</summary>
    public IReadOnlyList<double>? Scores { get; init; }
}

/// <summary>A good row in the internal form: an optional system message, then user and assistant in turn.</summary>
/// <param name="Line">Line on which the row begins, from 1; of a row without a file its number.</param>
/// <param name="Messages">
/// <see cref="DatasetKind.Conversation"/> and <see cref="DatasetKind.SortedResponses"/>: ends with the assistant. <see cref="DatasetKind.Preference"/>: ends with the user.
/// <see cref="DatasetKind.PromptSet"/>: the user's turns alone. <see cref="DatasetKind.Text"/>: empty.
/// </param>
public sealed record DatasetRow(long Line, IReadOnlyList<DatasetMessage> Messages)
{
    /// <summary>For <see cref="DatasetKind.Preference"/>: the better answer to the last message; null when the row only tells a rejected one.</summary>
    public string? Chosen { get; init; }

    /// <summary>For <see cref="DatasetKind.Preference"/>: the worse answer to the last message; null when the row only tells a chosen one.</summary>
    public string? Rejected { get; init; }

    /// <summary>For <see cref="DatasetKind.Text"/>: the text. Otherwise null.</summary>
    public string? Text { get; init; }

    /// <summary>Number of the conversation, from 1, that the row was a turn of; see <see cref="Dataset.Unpack"/>. Otherwise null.</summary>
    /// <remarks>Source: the column <c>_group</c> of <c>qianfan.dataset.Dataset</c>.</remarks>
    public long? Group { get; init; }
}

/// <summary>What the rows of a dataset hold. The value is the template's number on the wire (<c>templateType</c>).</summary>
/// <remarks>Source: <c>qianfan.resources.console.consts.DataTemplateType</c>.</remarks>
public enum DatasetKind
{
    /// <summary>Prompt and response, in one or several turns: what fine-tuning (SFT) takes.</summary>
    Conversation = 2000,

    /// <summary>A prompt and several responses, the best first.</summary>
    SortedResponses = 2001,

    /// <summary>A prompt with the answer that was chosen and the one that was rejected (DPO), or only one of both (KTO).</summary>
    Preference = 2002,

    /// <summary>Text without form: what post-pretraining takes.</summary>
    Text = 40100,

    /// <summary>Prompts alone.</summary>
    PromptSet = 40200,
}

/// <summary>Why a row can't be used.</summary>
/// <param name="Line">Line on which the fault is, from 1.</param>
/// <param name="Field">The field, such as <c>[1].response</c>, <c>messages[2].role</c> or a CSV column; null when the row as a whole is meant.</param>
/// <param name="Code">One of <see cref="DatasetErrorCodes"/>, for localisation.</param>
/// <param name="Message">The same in English, a full sentence.</param>
public sealed record DatasetRowError(long Line, string? Field, string Code, string Message);

/// <summary>What the reader finds: a row or an error, never both.</summary>
public readonly record struct DatasetItem
{
    /// <summary>A good row.</summary>
    public DatasetItem(DatasetRow row) => Row = row;

    /// <summary>A bad row.</summary>
    public DatasetItem(DatasetRowError error) => Error = error;

    /// <summary>The row, or null when it is bad.</summary>
    public DatasetRow? Row { get; }

    /// <summary>The error, or null when the row is good.</summary>
    public DatasetRowError? Error { get; }
}

/// <summary>Form of a dataset file.</summary>
public enum DatasetFormat
{
    /// <summary>Nothing was read yet.</summary>
    Unknown,

    /// <summary>Qianfan's prompt and response, one JSON array (or object) a line.</summary>
    QianfanJsonLines,

    /// <summary>OpenAI's <c>{"messages": [...]}</c>, one a line.</summary>
    OpenAiJsonLines,

    /// <summary>Alpaca's instruction, input, output; one object a line.</summary>
    AlpacaJsonLines,

    /// <summary>One JSON array over the whole file; its elements are rows of any of the forms above.</summary>
    JsonArray,

    /// <summary>CSV with the columns prompt and response.</summary>
    Csv,

    /// <summary>Plain text, a row a line; only for <see cref="DatasetKind.Text"/> and <see cref="DatasetKind.PromptSet"/>.</summary>
    Text,

    /// <summary>ShareGPT's <c>{"conversations": [{"from", "value"}]}</c>, one a line.</summary>
    ShareGptJsonLines,
}

/// <summary>Codes of row and file errors. They are stable: texts for people are looked up by them.</summary>
public static class DatasetErrorCodes
{
    /// <summary>Row: the line is no JSON.</summary>
    public const string InvalidJson = "invalid_json";

    /// <summary>Row: valid JSON, but none of the forms that are understood.</summary>
    public const string UnknownRow = "unknown_row";

    /// <summary>Row: a field is missing.</summary>
    public const string MissingField = "missing_field";

    /// <summary>Row: a field has the wrong type.</summary>
    public const string WrongType = "wrong_type";

    /// <summary>Row: a field is empty.</summary>
    public const string EmptyField = "empty_field";

    /// <summary>Row: <c>response</c> is neither text nor a list of one list of one text.</summary>
    public const string ResponseShape = "response_shape";

    /// <summary>Row: several responses to one prompt; that is data for preference training.</summary>
    public const string SeveralResponses = "several_responses";

    /// <summary>Row: the role is not system, user or assistant.</summary>
    public const string UnknownRole = "unknown_role";

    /// <summary>Row: messages don't alternate from user to assistant, or don't end with the assistant.</summary>
    public const string MessageOrder = "message_order";

    /// <summary>Row: a system text anywhere but at the start.</summary>
    public const string SystemPosition = "system_position";

    /// <summary>Row: a weight other than 0 and 1.</summary>
    public const string WeightValue = "weight_value";

    /// <summary>Row: every answer has weight 0, so that nothing is learnt.</summary>
    public const string NothingToLearn = "nothing_to_learn";

    /// <summary>Row: a CSV row has more or fewer fields than the header.</summary>
    public const string CsvColumns = "csv_columns";

    /// <summary>Row: a quotation mark in the wrong place, or one that is never closed.</summary>
    public const string CsvQuote = "csv_quote";

    /// <summary>File: nothing in it.</summary>
    public const string EmptyFile = "empty_file";

    /// <summary>File: a header or brackets, but no row.</summary>
    public const string NoRows = "no_rows";

    /// <summary>File: not UTF-8.</summary>
    public const string NotUtf8 = "not_utf8";

    /// <summary>File: a zip, gzip or similar archive.</summary>
    public const string Archive = "archive";

    /// <summary>File: binary content.</summary>
    public const string Binary = "binary";

    /// <summary>File: a line or row longer than the limit.</summary>
    public const string RowTooLong = "row_too_long";

    /// <summary>File: text, but none of the forms that are understood.</summary>
    public const string UnknownFormat = "unknown_format";

    /// <summary>File: Parquet that is broken or can't be read. The SDK itself reads none.</summary>
    public const string BrokenParquet = "broken_parquet";
}

/// <summary>The file as a whole can't be read; rows that came before the exception are still valid.</summary>
public sealed class DatasetFileException : QianfanException
{
    /// <summary>Creates the error.</summary>
    /// <param name="code">One of <see cref="DatasetErrorCodes"/>.</param>
    /// <param name="message">A full sentence: what is wrong and what to do.</param>
    /// <param name="line">Line, from 1, or null when the file as a whole is meant.</param>
    public DatasetFileException(string code, string message, long? line = null) : base(message)
    {
        Code = code;
        Line = line;
    }

    /// <summary>One of <see cref="DatasetErrorCodes"/>, for localisation.</summary>
    public string Code { get; }

    /// <summary>Line, from 1, or null.</summary>
    public long? Line { get; }
}

/// <summary>Limits of the reader, and what it reads.</summary>
public sealed record DatasetReaderOptions
{
    /// <summary>Longest row in bytes, at least 1024. Default 8 MiB; it bounds the memory that the reader takes.</summary>
    public int MaxRowBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>What the rows must be. Default prompt and response.</summary>
    public DatasetKind Kind { get; init; } = DatasetKind.Conversation;

    internal RowLines? Lines { get; init; }
}

/// <summary>What reading a whole file gave.</summary>
/// <param name="Format">Form of the file.</param>
/// <param name="GoodRows">Rows that can be trained on.</param>
/// <param name="BadRows">Rows that can't.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Characters">Characters (UTF-16 units) in the good rows' texts.</param>
/// <param name="Errors">The first errors, in order of lines.</param>
/// <param name="Samples">The first good rows.</param>
public sealed record DatasetSummary(
    DatasetFormat Format,
    long GoodRows,
    long BadRows,
    long Bytes,
    long Characters,
    IReadOnlyList<DatasetRowError> Errors,
    IReadOnlyList<DatasetRow> Samples);
