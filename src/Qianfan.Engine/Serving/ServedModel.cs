using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text;

namespace Qianfan.Engine.Serving;

/// <summary>A model that is ready to generate: one in memory, and perhaps an adapter on top of it.</summary>
internal sealed class ServedModel(BaseModel model, ServedAdapter? adapter)
{
    public BaseModel Base { get; } = model;

    public ServedAdapter? Adapter { get; } = adapter;

    public ModelShape Shape => Base.Shape;

    public TextTokenizer Tokenizer => Base.Tokenizer;

    public Decoder Decoder => Base.Decoder;

    /// <summary>Bytes of the weights in memory, those of a shared base included.</summary>
    public long MemoryBytes => Base.MemoryBytes + (Adapter?.Bytes ?? 0);

    /// <summary>Reads a model folder, and an adapter on top of it if one is given.</summary>
    /// <param name="modelDirectory">The model.</param>
    /// <param name="adapterDirectory">The adapter, or null.</param>
    /// <param name="threads">How many threads one operation may use.</param>
    /// <param name="memory">Bytes that may be used; null for those that are free.</param>
    /// <param name="kind">How to keep the weights; null chooses.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason, or <c>out_of_memory</c>.</exception>
    public static ServedModel Load(string modelDirectory, string? adapterDirectory, int threads, long? memory = null, WeightKind? kind = null) =>
        On(BaseModel.Load(modelDirectory, new Crew(threads), memory, kind), adapterDirectory);

    /// <summary>Reads an adapter on top of a model.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static ServedModel On(BaseModel model, string? adapterDirectory) =>
        new(model, adapterDirectory is null ? null : new ServedAdapter(PeftAdapter.Read(adapterDirectory, model.Shape), model.Shape));
}
