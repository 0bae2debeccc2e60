namespace Qianfan.Engine.Checkpoints;

/// <summary>The shape of a decoder of the Llama kind, as <c>config.json</c> of a Hugging Face folder tells it.</summary>
internal sealed record ModelShape
{
    public ModelFamily Family { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadSize { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Most tokens of prompt and answer together.</summary>
    public required int ContextLength { get; init; }

    public double NormEpsilon { get; init; } = 1e-5;

    public double RopeTheta { get; init; } = 10000;

    public RopeScaling Rope { get; init; } = RopeScaling.None;

    /// <summary>For each layer, how many tokens a token sees at most, itself included; empty if all see everything.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [];

    /// <summary>Query, key and value have a bias.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>The projection after attention has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The three layers of the feed-forward part have a bias.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Each head of query and key is normed before it is rotated.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>The output layer is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>Number format of the stored weights.</summary>
    public WeightFormat Format { get; init; } = WeightFormat.BF16;

    public int QuerySize => Heads * HeadSize;

    public int KeyValueSize => KeyValueHeads * HeadSize;

    /// <summary>Every weight with its name in a checkpoint, in a fixed order.</summary>
    public IEnumerable<(string Name, long[] Shape)> Weights()
    {
        yield return (WeightNames.Embedding, [VocabularySize, HiddenSize]);
        for (var layer = 0; layer < Layers; layer++)
        {
            yield return (WeightNames.InputNorm(layer), [HiddenSize]);
            foreach (var (name, outputs, inputs) in Linears(layer))
            {
                yield return (name, [outputs, inputs]);
                if (HasBias(name))
                    yield return (WeightNames.Bias(name), [outputs]);
            }
            if (QueryKeyNorm)
            {
                yield return (WeightNames.QueryNorm(layer), [HeadSize]);
                yield return (WeightNames.KeyNorm(layer), [HeadSize]);
            }
            yield return (WeightNames.PostAttentionNorm(layer), [HiddenSize]);
        }
        yield return (WeightNames.Norm, [HiddenSize]);
        if (!TiedEmbeddings)
            yield return (WeightNames.Head, [VocabularySize, HiddenSize]);
    }

    /// <summary>The linear layers of a block: what LoRA adapts.</summary>
    public IEnumerable<(string Name, int Outputs, int Inputs)> Linears(int layer)
    {
        yield return (WeightNames.Query(layer), QuerySize, HiddenSize);
        yield return (WeightNames.Key(layer), KeyValueSize, HiddenSize);
        yield return (WeightNames.Value(layer), KeyValueSize, HiddenSize);
        yield return (WeightNames.Output(layer), HiddenSize, QuerySize);
        yield return (WeightNames.Gate(layer), IntermediateSize, HiddenSize);
        yield return (WeightNames.Up(layer), IntermediateSize, HiddenSize);
        yield return (WeightNames.Down(layer), HiddenSize, IntermediateSize);
    }

    /// <summary>The linear layers of all blocks that have one of these names; null for all.</summary>
    public IEnumerable<(string Name, int Outputs, int Inputs)> Adapted(IReadOnlyList<string>? modules) =>
        Enumerable.Range(0, Layers).SelectMany(Linears).Where(linear => modules is null || modules.Contains(linear.Name.Split('.')[^2]));

    /// <summary>How many tokens a token of this layer sees at most, itself included.</summary>
    public int Window(int layer) => Windows.Count == 0 ? int.MaxValue : Windows[layer];

    /// <summary>The narrowest window of all layers.</summary>
    public int NarrowestWindow => Windows.Count == 0 ? int.MaxValue : Windows.Min();

    private bool HasBias(string name)
    {
        var module = name.Split('.')[^2];
        return module switch
        {
            "q_proj" or "k_proj" or "v_proj" => QueryKeyValueBias,
            "o_proj" => OutputBias,
            _ => FeedForwardBias,
        };
    }

    public long ParameterCount => Weights().Sum(weight => weight.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Reads and checks <c>config.json</c>.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static ModelShape Read(string directory)
    {
        using var document = CheckpointFolder.ReadJson(directory, ModelConfig.FileName);
        return new ModelConfig(document.RootElement).Read();
    }
}
