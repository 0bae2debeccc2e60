using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Estimates what a training takes of memory, on top of what the process has before it.</summary>
internal static class TrainingMemory
{
    /// <summary>Most tokens that go through the model at once.</summary>
    public const int MostPassTokens = 4096;

    /// <summary>Code that is compiled on the way, buffers of files, threads.</summary>
    private const long Runtime = 64L << 20;

    /// <summary>Bytes of weights, gradients and moments, and of what goes through the model.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="config">How it is trained.</param>
    /// <param name="passTokens">Tokens that go through at once, padding included.</param>
    /// <param name="length">Of these, how many are in a row at the most.</param>
    public static long Estimate(ModelShape shape, TrainingConfig config, int passTokens, int length)
    {
        var lora = config.ParameterScale == TrainingJob.Lora;
        var adapted = lora ? shape.Adapted(config.LoraTargetModules).Sum(linear => (long)config.LoraRank * (linear.Outputs + linear.Inputs)) : 0;
        var trained = lora ? adapted : shape.ParameterCount;
        // All values, and two moments of what is trained.
        var held = shape.ParameterCount + adapted + 2 * trained;
        long hidden = shape.HiddenSize, query = shape.QuerySize, keyValue = shape.KeyValueSize, inner = shape.IntermediateSize;
        var low = lora ? config.LoraRank * 7L : 0;
        // What a block keeps for its way back: its input, query, key, value, what attention made of them, the sum after it, gate and up.
        var kept = 2 * hidden + 2 * query + 2 * keyValue + 2 * inner + 2 * low + (shape.QueryKeyNorm ? query + keyValue : 0);
        // What it has besides, while it is under way.
        var under = 7 * hidden + 8 * query + 4 * keyValue + 2 * inner + low;
        // A block that is gone through once more has its values, their gradients and what the allocator has not given back: three times as much, measured.
        var blocks = config.ActivationCheckpointing ? shape.Layers * hidden + 3 * kept : shape.Layers * kept;
        var scores = Math.Min(passTokens, LlamaNetwork.ScoredAtOnce(shape)) * (long)shape.VocabularySize;
        var around = passTokens * 6L * hidden;
        // Rows that share sequences, and windows, need to say which token sees which: as bits for torch, then as numbers.
        var masked = config.Packing || shape.NarrowestWindow < length ? (long)passTokens * length * shape.KeyValueHeads * 5 / sizeof(float) : 0;
        var through = passTokens * blocks + Math.Max(passTokens * under + masked, scores) + around;
        // The first part of a step has no gradients but those of the tables, until what blocks keep goes; the others add to what is there.
        var inParts = (long)config.BatchSize * config.GradientAccumulationSteps * length > passTokens;
        var tables = lora ? 0 : shape.VocabularySize * hidden * (shape.TiedEmbeddings ? 1 : 2);
        var changing = inParts ? trained + through : Math.Max(trained + passTokens * (kept + under) + around, tables + through);
        return (held + changing) * sizeof(float) + Runtime;
    }

    /// <summary>How many tokens go through the model at once, so that it fits: fewer where memory is short, but a row at the least.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="config">How it is trained.</param>
    /// <param name="longest">Tokens of the longest row.</param>
    /// <param name="available">Bytes that may be used.</param>
    /// <param name="known">Of a training that goes on: as many as before.</param>
    /// <exception cref="EngineException">Code <c>out_of_memory</c>.</exception>
    public static int PassTokens(ModelShape shape, TrainingConfig config, int longest, long available, int? known)
    {
        var length = config.Packing ? Math.Max(longest, Batch.PackedLength) : longest;
        var tokens = known ?? MostPassTokens;
        while (known is null && tokens > length && Needed(tokens) > available)
            tokens /= 2;
        MemoryBudget.Require(Needed(tokens), available, "Training this model");
        return tokens;

        // A row may be longer than that, and is not parted.
        long Needed(int most) => Estimate(shape, config, Math.Max(most, length), length);
    }
}
