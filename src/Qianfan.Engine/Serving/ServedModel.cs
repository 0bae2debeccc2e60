using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>A model that is ready to generate.</summary>
internal sealed record ServedModel(ModelShape Shape, TextTokenizer Tokenizer, ChatTemplate? Template, string? TemplateFault, IReadOnlySet<int> StopTokens, Decoder Decoder)
{
    /// <summary>Tokens that end an answer in a conversation: the one that the template writes after it is among them, even if the model's files (a base model's, say) don't name it.</summary>
    public IReadOnlySet<int> ChatStopTokens { get; } = Template?.AnswerEnd() is { } end ? StopTokens.Append(end).ToHashSet() : StopTokens;

    /// <summary>Bytes of the weights in memory.</summary>
    public long MemoryBytes => Shape.ParameterCount * sizeof(float);

    /// <summary>Reads a model folder, with an adapter merged into it if one is given.</summary>
    /// <param name="modelDirectory">The model.</param>
    /// <param name="adapterDirectory">The adapter, or null.</param>
    /// <param name="threads">How many threads one operation may use.</param>
    /// <param name="memory">Bytes that may be used; null for those that are free.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason, or <c>out_of_memory</c>.</exception>
    public static ServedModel Load(string modelDirectory, string? adapterDirectory, int threads, long? memory = null)
    {
        var shape = ModelShape.Read(modelDirectory);
        var tokenizer = TextTokenizer.Read(modelDirectory);
        if (tokenizer.Size > shape.VocabularySize)
            throw new EngineException(WorkerErrors.InvalidModel, $"The tokenizer has {tokenizer.Size} tokens, the model only {shape.VocabularySize}.");
        Dictionary<string, float[]> weights;
        using (var files = WeightFiles.Open(modelDirectory))
        {
            files.Check(shape);
            MemoryBudget.Require(shape.ParameterCount * sizeof(float), memory ?? MemoryBudget.Available(), "Loading this model");
            weights = files.ReadAll(shape);
        }
        if (adapterDirectory is not null)
            PeftAdapter.Read(adapterDirectory, shape).MergeInto(weights);
        // A model without a known template can still continue plain text.
        ChatTemplate? template = null;
        string? fault = null;
        try
        {
            template = ChatTemplate.Read(modelDirectory, tokenizer);
        }
        catch (EngineException exception)
        {
            fault = exception.Message;
        }
        return new ServedModel(shape, tokenizer, template, fault, Text.StopTokens.Read(modelDirectory), new Decoder(shape, weights, threads));
    }
}
