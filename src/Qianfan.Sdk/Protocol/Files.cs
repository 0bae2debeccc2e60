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
    public string? Object { get; init; }

    /// <summary>Size.</summary>
    [JsonPropertyName("bytes")]
    public long Bytes { get; init; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created_at")]
    public long CreatedAt { get; init; }

    /// <summary>Name given at the upload.</summary>
    [JsonPropertyName("filename")]
    public string? FileName { get; init; }

    /// <summary><c>fine-tune</c></summary>
    [JsonPropertyName("purpose")]
    public string? Purpose { get; init; }

    /// <summary><c>processed</c></summary>
    [JsonPropertyName("status")]
    public string? Status { get; init; }
}

/// <summary>A list of files (OpenAI's shape).</summary>
public sealed record FileList
{
    /// <summary><c>list</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; init; }

    /// <summary>Files.</summary>
    [JsonPropertyName("data")]
    public IReadOnlyList<FileObject> Data { get; init; } = [];

    /// <summary>True when there is more.</summary>
    [JsonPropertyName("has_more")]
    public bool HasMore { get; init; }
}

/// <summary>Answer to the deletion of a file.</summary>
public sealed record FileDeletion
{
    /// <summary>The file.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary><c>file</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; init; }

    /// <summary>True.</summary>
    [JsonPropertyName("deleted")]
    public bool Deleted { get; init; }
}
