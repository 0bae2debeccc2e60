using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>An uploaded file (OpenAI's shape).</summary>
public sealed record FileObject
{
    /// <summary><c>file-...</c></summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary><c>file</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Size.</summary>
    [JsonPropertyName("bytes")]
    public long Bytes { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public long CreatedAt { get; set; }

    /// <summary>Name given at the upload.</summary>
    [JsonPropertyName("filename")]
    public string? FileName { get; set; }

    /// <summary><c>fine-tune</c></summary>
    [JsonPropertyName("purpose")]
    public string? Purpose { get; set; }

    /// <summary><c>processed</c></summary>
    [JsonPropertyName("status")]
    public string? Status { get; set; }
}

/// <summary>A list of files (OpenAI's shape).</summary>
public sealed record FileList
{
    /// <summary><c>list</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Files.</summary>
    [JsonPropertyName("data")]
    public IReadOnlyList<FileObject> Data { get; set; } = [];

    /// <summary>True when there is more.</summary>
    [JsonPropertyName("has_more")]
    public bool HasMore { get; set; }
}

/// <summary>Answer to the deletion of a file.</summary>
public sealed record FileDeletion
{
    /// <summary>The file.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary><c>file</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>True.</summary>
    [JsonPropertyName("deleted")]
    public bool Deleted { get; set; }
}
