namespace Qianfan.Sdk.Datasets;

/// <summary>Form in which a dataset is saved.</summary>
/// <remarks>Source: <c>qianfan.dataset.data_source.FormatType</c>.</remarks>
public enum DatasetFileType
{
    /// <summary>Qianfan's form, one row a line (<c>.jsonl</c>): what the platform takes.</summary>
    JsonLines,

    /// <summary>One JSON array of such rows (<c>.json</c>).</summary>
    Json,

    /// <summary>CSV with a header and a byte order mark (<c>.csv</c>), columns prompt, response, system, or text. Takes one turn a row.</summary>
    Csv,

    /// <summary>A line for each row (<c>.txt</c>): prompts and generic text only.</summary>
    Text,
}
