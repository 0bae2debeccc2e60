using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Forms in which our platform gives models away; values of <see cref="ModelExportTaskRequest.Format"/>.</summary>
public static class ModelExportFormats
{
    /// <summary>A Hugging Face folder with merged weights, as one zip file.</summary>
    public const string Safetensors = "safetensors";

    /// <summary>A LoRA adapter as PEFT reads it, as one zip file. Of models trained with LoRA only.</summary>
    public const string Adapter = "adapter";

    /// <summary>A GGUF file, 32 bits a weight.</summary>
    public const string GgufF32 = "gguf-f32";

    /// <summary>A GGUF file, 16 bits a weight.</summary>
    public const string GgufF16 = "gguf-f16";

    /// <summary>A GGUF file, 8 bits a weight.</summary>
    public const string GgufQ8 = "gguf-q8_0";

    /// <summary>A GGUF file, 4 bits a weight.</summary>
    public const string GgufQ4 = "gguf-q4_0";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Safetensors, Adapter, GgufF32, GgufF16, GgufQ8, GgufQ4];
}

/// <summary>Body of V2 <c>CreateModelExportTask</c> and <c>DescribeModelExportTask</c>.</summary>
public sealed record ModelExportTaskRequest
{
    /// <summary><c>amv-...</c></summary>
    public required string ModelId { get; init; }

    /// <summary>Extension of our platform: one of <see cref="ModelExportFormats"/>. Left out, a new export is <c>safetensors</c>, and the newest one is described.</summary>
    public string? Format { get; set; }
}

/// <summary>Body of the V2 calls of our platform that name one export.</summary>
public sealed record ModelExportTaskIdRequest
{
    /// <summary><c>amemt-...</c></summary>
    public required string ExportTaskId { get; init; }
}

/// <summary>An export as our platform tells it. The shape on Baidu's platform is in no source.</summary>
public sealed record ModelExportTask
{
    /// <summary><c>amemt-...</c></summary>
    public string ExportTaskId { get; set; } = "";

    /// <summary>The exported version (<c>amv-...</c>).</summary>
    public string? ModelId { get; set; }

    /// <summary>One of <see cref="ModelExportFormats"/>.</summary>
    public string Format { get; set; } = "";

    /// <summary>How far it is.</summary>
    public ModelExportStatus Status { get; set; }

    /// <summary>Percent, 0 to 100.</summary>
    public int Progress { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Message { get; set; }

    /// <summary>Name for the downloaded file, when done.</summary>
    public string? FileName { get; set; }

    /// <summary>Length of that file, when done.</summary>
    public long? Bytes { get; set; }

    /// <summary>SHA-256 of that file, 64 hexadecimal digits, when done.</summary>
    public string? Sha256 { get; set; }

    /// <summary>What is in it, when done.</summary>
    public IReadOnlyList<ModelExportFile>? Files { get; set; }

    /// <summary>Where it is fetched, with a key, when done.</summary>
    public string? DownloadUrl { get; set; }

    /// <summary>Version of the engine that wrote it.</summary>
    public string? EngineVersion { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? CreateTime { get; set; }

    /// <summary>ISO 8601; <c>0000-00-00T00:00:00Z</c> until it ends.</summary>
    public string? FinishTime { get; set; }
}

/// <summary>A file of an export.</summary>
public sealed record ModelExportFile
{
    /// <summary>Its name in the exported folder.</summary>
    public string Name { get; set; } = "";

    /// <summary>Its length.</summary>
    public long Bytes { get; set; }

    /// <summary>Its SHA-256, 64 hexadecimal digits.</summary>
    public string Sha256 { get; set; } = "";
}

/// <summary>Result of <c>DescribeModelExportTasks</c>, an extension of our platform.</summary>
public sealed record ModelExportTaskList
{
    /// <summary>All exports of the version, newest first.</summary>
    public IReadOnlyList<ModelExportTask> ExportTaskList { get; set; } = [];
}

/// <summary>How far an export is.</summary>
[JsonConverter(typeof(WireTextConverter<ModelExportStatus>))]
public readonly record struct ModelExportStatus : IWireText<ModelExportStatus>
{
    private readonly string? _value;

    /// <summary>The value of a text; unknown texts are kept.</summary>
    public ModelExportStatus(string value) => _value = value.Length == 0 ? null : value;

    /// <summary>Queued.</summary>
    public static ModelExportStatus Waiting { get; } = new("Waiting");

    /// <summary>Being written.</summary>
    public static ModelExportStatus Running { get; } = new("Running");

    /// <summary>Can be fetched.</summary>
    public static ModelExportStatus Done { get; } = new("Done");

    /// <summary>Did not work; asked for again, it is tried again.</summary>
    public static ModelExportStatus Failed { get; } = new("Failed");

    /// <summary>The text on the wire; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>Whether nothing more happens by itself.</summary>
    public bool IsTerminal => this == Done || this == Failed;

    /// <summary>The value of a text.</summary>
    public static ModelExportStatus From(string value) => new(value);

    /// <summary>The text on the wire.</summary>
    public override string ToString() => Value;
}

/// <summary>What our platform noted about a model version when it was published; a part of <c>DescribeModel</c>.</summary>
public sealed record ModelLineage
{
    /// <summary>The base model's name.</summary>
    public string BaseModel { get; set; } = "";

    /// <summary>Kind of training: <c>SFT</c>, <c>PostPretrain</c>. Null in versions that were published before it was noted.</summary>
    public string? TrainMode { get; set; }

    /// <summary>What it learnt from, as it was when the training was asked for.</summary>
    public IReadOnlyList<ModelLineageDataset> Datasets { get; set; } = [];

    /// <summary>SHA-256 of all rows that it was trained on, in their order.</summary>
    public string RowsSha256 { get; set; } = "";

    /// <summary>The settings of the training, with all defaults.</summary>
    public System.Text.Json.Nodes.JsonObject? Config { get; set; }

    /// <summary>The seed of order and dropout.</summary>
    public long? Seed { get; set; }

    /// <summary>Version of the engine that trained it.</summary>
    public string? EngineVersion { get; set; }

    /// <summary>Tokens trained on, over all epochs.</summary>
    public long? TrainedTokens { get; set; }

    /// <summary>Mean loss of the last epoch, nats a token.</summary>
    public double? TrainingLoss { get; set; }

    /// <summary>Loss on the rows held out, nats a token.</summary>
    public double? ValidationLoss { get; set; }
}

/// <summary>A dataset version that a model learnt from.</summary>
public sealed record ModelLineageDataset
{
    /// <summary>The version (<c>ds-...</c>).</summary>
    public string VersionId { get; set; } = "";

    /// <summary>The dataset that it is a version of (<c>dg-...</c>).</summary>
    public string DatasetId { get; set; } = "";

    /// <summary>The dataset's name.</summary>
    public string Name { get; set; } = "";

    /// <summary>1 for the first version.</summary>
    public int Version { get; set; }

    /// <summary>SHA-256 of its rows, in the platform's form.</summary>
    public string? ContentHash { get; set; }

    /// <summary>How many rows it has.</summary>
    public long Rows { get; set; }
}
