using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Sdk.Training;

/// <summary>What a training trains on: one or more datasets, all on the platform or all in object storage. Immutable.</summary>
/// <remarks>Current SDK: <c>qianfan.trainer.configs.DatasetConfig</c> and the arguments <c>dataset_bos_path</c>, <c>sampling_rate</c>, <c>eval_split_ratio</c>, <c>corpus_config</c>.</remarks>
public sealed record DatasetConfig
{
    /// <summary>At least one.</summary>
    public required IReadOnlyList<DatasetSource> Sources { get; init; }

    /// <summary>Percent of the rows held out for validation, 0 to 100; the train config's when null.</summary>
    public double? SplitRatio { get; init; }

    /// <summary>Rate of the sources that name none of their own, 0.01 to 10.</summary>
    public double? SamplingRate { get; init; }

    /// <summary>Corpora of the platform to mix in.</summary>
    public CorpusConfig? Corpus { get; init; }

    /// <summary>One dataset.</summary>
    public static DatasetConfig Of(Dataset dataset, double? splitRatio = null) => new() { Sources = [DatasetSource.Of(dataset)], SplitRatio = splitRatio };

    /// <summary>One path in object storage.</summary>
    /// <param name="bosPath"><c>bos:/bucket/path</c>; a file or a folder that ends with a slash.</param>
    /// <param name="splitRatio">Percent of the rows held out for validation.</param>
    public static DatasetConfig OfBos(string bosPath, double? splitRatio = null) => new() { Sources = [DatasetSource.OfBos(bosPath)], SplitRatio = splitRatio };

    /// <exception cref="InvalidArgumentException">The parts don't fit together.</exception>
    internal void Check()
    {
        if (Sources.Count == 0)
        {
            throw new InvalidArgumentException("There is no dataset to train on.");
        }

        if (Sources.Any(s => s.BosPath is null) && Sources.Any(s => s.BosPath is not null))
        {
            throw new InvalidArgumentException("Datasets on the platform and paths in object storage can't be mixed in one training.");
        }

        if (SplitRatio is < 0 or > 100)
        {
            throw new InvalidArgumentException($"{SplitRatio} percent can't be held out for validation: 0 to 100.");
        }

        if (Sources.Select(s => s.SamplingRate).Append(SamplingRate).FirstOrDefault(r => r is < 0.01 or > 10) is { } rate)
        {
            throw new InvalidArgumentException($"The sampling rate {rate} is out of range: 0.01 to 10.");
        }
    }
}

/// <summary>One part of what a training trains on. Immutable.</summary>
public sealed record DatasetSource
{
    private DatasetSource()
    {
    }

    /// <summary>A dataset on the platform, or a local file that is brought there; null for a path in object storage.</summary>
    public Dataset? Dataset { get; private init; }

    /// <summary><c>bos:/bucket/path</c>, or null.</summary>
    public string? BosPath { get; private init; }

    /// <summary>How often its rows are taken, 0.01 to 10; the config's when null.</summary>
    public double? SamplingRate { get; init; }

    /// <summary>A dataset on the platform, or a local file that is brought there.</summary>
    /// <exception cref="InvalidArgumentException">There is none, or its rows are in memory alone: those of <see cref="Dataset.FromRows(IEnumerable{DatasetRow}, string?, DatasetKind)"/>, filtered or changed ones.</exception>
    public static DatasetSource Of(Dataset dataset, double? samplingRate = null) => dataset switch
    {
        null => throw new InvalidArgumentException("There is no dataset to train on."),
        { Id: null, FilePath: null } => throw new InvalidArgumentException("The dataset's rows are in memory alone: save it to a file or to the platform first."),
        _ => new() { Dataset = dataset, SamplingRate = samplingRate },
    };

    /// <summary>A path in object storage; the platform reads it itself.</summary>
    /// <exception cref="InvalidArgumentException">The path doesn't begin with <c>bos:/</c>.</exception>
    public static DatasetSource OfBos(string bosPath, double? samplingRate = null) =>
        bosPath?.StartsWith("bos:/", StringComparison.Ordinal) == true
            ? new() { BosPath = bosPath, SamplingRate = samplingRate }
            : throw new InvalidArgumentException("A path in object storage looks like bos:/bucket/path.");
}

/// <summary>Corpora of the platform that are mixed into the rows. Immutable.</summary>
public sealed record CorpusConfig
{
    /// <summary>Whether rows are repeated where there are too few for a proportion; the platform decides when null.</summary>
    public bool? CopyData { get; init; }

    /// <summary>The corpora.</summary>
    public required IReadOnlyList<CorpusConfigItem> Config { get; init; }

    internal JsonObject ToWire()
    {
        var wire = new JsonObject { ["config"] = new JsonArray([.. Config.Select(c => c.ToWire())]) };
        if (CopyData is { } copy)
        {
            wire["copyData"] = copy;
        }

        return wire;
    }
}

/// <summary>One corpus to mix in. Immutable.</summary>
public sealed record CorpusConfigItem
{
    /// <summary>How much: <c>1%</c> of the common corpus of Qianfan, <c>1:2</c> (rows to corpus) of the others.</summary>
    public required string Proportion { get; init; }

    /// <summary>Which.</summary>
    public required CorpusType CorpusType { get; init; }

    /// <summary>Labels of the vertical corpus, at most 5.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    internal JsonNode ToWire()
    {
        var wire = new JsonObject { ["proportion"] = Proportion, ["corpusType"] = (int)CorpusType };
        if (Labels is not null)
        {
            wire["labels"] = new JsonArray([.. Labels.Select(l => JsonValue.Create(l))]);
        }

        return wire;
    }
}

/// <summary>Corpora of the platform, by their numbers on the wire.</summary>
public enum CorpusType
{
    /// <summary>Qianfan's common one.</summary>
    QianfanCommon = 1,

    /// <summary>Yiyan's common one.</summary>
    YiyanCommon = 2,

    /// <summary>Yiyan's for certain fields, chosen by labels.</summary>
    YiyanVertical = 3,
}
