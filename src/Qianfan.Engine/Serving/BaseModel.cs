using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving.Json;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>A model folder in memory; adapters on top of it share it.</summary>
internal sealed class BaseModel
{
    private JsonMasks? _json;

    private BaseModel(ModelShape shape, TextTokenizer tokenizer, ChatTemplate? template, string? templateFault, IReadOnlySet<int> stopTokens, Decoder decoder, long memoryBytes)
    {
        (Shape, Tokenizer, Template, TemplateFault, StopTokens, Decoder, MemoryBytes) = (shape, tokenizer, template, templateFault, stopTokens, decoder, memoryBytes);
        ChatStopTokens = Template?.AnswerEnd() is { } end ? StopTokens.Append(end).ToHashSet() : StopTokens;
    }

    public ModelShape Shape { get; }

    public TextTokenizer Tokenizer { get; }

    public ChatTemplate? Template { get; }

    /// <summary>Why there is no template.</summary>
    public string? TemplateFault { get; }

    public IReadOnlySet<int> StopTokens { get; }

    /// <summary>Tokens that end an answer in a conversation: the one that the template writes after it is among them, even if the model's files (a base model's, say) don't name it.</summary>
    public IReadOnlySet<int> ChatStopTokens { get; }

    public Decoder Decoder { get; }

    /// <summary>Bytes of the weights in memory.</summary>
    public long MemoryBytes { get; }

    /// <summary>Which tokens may follow a JSON text; made when it is first asked for. For the decoding thread alone.</summary>
    public JsonMasks Json => _json ??= new JsonMasks(new TokenBytes(Tokenizer));

    /// <summary>Reads a model folder.</summary>
    /// <param name="directory">The model.</param>
    /// <param name="crew">Who takes part in an operation.</param>
    /// <param name="memory">Bytes that may be used; null for those that are free.</param>
    /// <param name="kind">How to keep the weights; null chooses.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason, or <c>out_of_memory</c>.</exception>
    public static BaseModel Load(string directory, Crew crew, long? memory = null, WeightKind? kind = null)
    {
        var shape = ModelShape.Read(directory);
        var tokenizer = TextTokenizer.Read(directory);
        if (tokenizer.Size > shape.VocabularySize)
            throw new EngineException(WorkerErrors.InvalidModel, $"The tokenizer has {tokenizer.Size} tokens, the model only {shape.VocabularySize}.");
        ServedWeights weights;
        using (var files = WeightFiles.Open(directory))
        {
            files.Check(shape);
            var served = kind ?? ServedWeights.Default(shape);
            MemoryBudget.Require(ServedWeights.Estimate(shape, served), memory ?? MemoryBudget.Available(), "Loading this model");
            weights = ServedWeights.Of(shape, files.Read, served);
        }
        // A model without a known template can still continue plain text.
        ChatTemplate? template = null;
        string? fault = null;
        try
        {
            template = ChatTemplate.Read(directory, tokenizer);
        }
        catch (EngineException exception)
        {
            fault = exception.Message;
        }
        return new BaseModel(shape, tokenizer, template, fault, Text.StopTokens.Read(directory), new Decoder(shape, weights, crew), weights.Bytes);
    }
}
