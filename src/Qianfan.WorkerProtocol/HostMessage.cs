using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.WorkerProtocol;

/// <summary>A line that the platform writes to a worker's standard input.</summary>
/// <remarks>End of input means that the platform is gone: the worker stops as if told to <see cref="Shutdown"/>.</remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(StartTraining), "startTraining")]
[JsonDerivedType(typeof(StopTraining), "stopTraining")]
[JsonDerivedType(typeof(LoadModel), "loadModel")]
[JsonDerivedType(typeof(UnloadModel), "unloadModel")]
[JsonDerivedType(typeof(Generate), "generate")]
[JsonDerivedType(typeof(CancelRequest), "cancel")]
[JsonDerivedType(typeof(Embed), "embed")]
[JsonDerivedType(typeof(CountTokens), "countTokens")]
[JsonDerivedType(typeof(Shutdown), "shutdown")]
public abstract record HostMessage;

/// <summary>Train until done. The first and only job of a training worker; a worker trains one task in its life.</summary>
/// <param name="TaskDirectory">Absolute folder of the task. The worker holds a lock on it, and writes <c>checkpoints/</c> and <c>output/</c> into it. If it holds a checkpoint, training goes on from there.</param>
/// <param name="BaseModelDirectory">Absolute folder of the base model: a Hugging Face checkpoint.</param>
/// <param name="RowsFile">Absolute path of the training rows: JSON lines, each a <see cref="TrainingRow"/>; all conversations or all texts.</param>
/// <param name="Config">How to train.</param>
public sealed record StartTraining(string TaskDirectory, string BaseModelDirectory, string RowsFile, TrainingConfig Config) : HostMessage
{
    /// <summary>Absolute path of rows for the validation loss alone, in the same form; all others are then trained on. Null holds out <see cref="TrainingConfig.ValidationPercent"/> of them.</summary>
    public string? ValidationRowsFile { get; init; }
}

/// <summary>Write a checkpoint after the current step, report <see cref="TrainingStopped"/> and end.</summary>
public sealed record StopTraining : HostMessage;

/// <summary>Load a model for generation and answer <see cref="ModelLoaded"/> or <see cref="RequestFailed"/>.</summary>
/// <param name="RequestId">Chosen by the platform, unique within the worker's life.</param>
/// <param name="ModelKey">The name by which later requests refer to the model.</param>
/// <param name="ModelDirectory">Absolute folder of a full model: a Hugging Face checkpoint.</param>
/// <param name="AdapterDirectory">Absolute folder of a PEFT adapter on top of it, or null. Adapters of one model share it in memory.</param>
/// <param name="Weights">The number format in memory: <c>f32</c>, <c>bf16</c> or <c>int8</c>; null lets the worker choose.</param>
public sealed record LoadModel(string RequestId, string ModelKey, string ModelDirectory, string? AdapterDirectory = null, string? Weights = null) : HostMessage;

/// <summary>Forget a model and free its memory. Requests that still use it fail with code <c>model_unloaded</c>.</summary>
/// <param name="ModelKey">The key that <see cref="LoadModel"/> gave.</param>
public sealed record UnloadModel(string ModelKey) : HostMessage;

/// <summary>Generate text. Answers are <see cref="DecodeStep"/> lines, or one <see cref="RequestFailed"/>.</summary>
/// <param name="RequestId">Chosen by the platform, unique within the worker's life.</param>
/// <param name="ModelKey">A loaded model.</param>
/// <param name="Messages">A conversation, put through the model's chat template; null when <paramref name="Prompt"/> is given.</param>
/// <param name="Prompt">Plain text to continue; null when <paramref name="Messages"/> is given.</param>
/// <param name="Sampling">How to choose tokens.</param>
public sealed record Generate(string RequestId, string ModelKey, IReadOnlyList<ChatTurn>? Messages, string? Prompt, SamplingConfig Sampling) : HostMessage;

/// <summary>Stop a <see cref="Generate"/> within one decoding step; its last line has finish reason <c>cancelled</c>. Or an <see cref="Embed"/>, which is answered by <see cref="RequestFailed"/> with that code.</summary>
/// <param name="RequestId">The request to stop; an unknown one is ignored.</param>
public sealed record CancelRequest(string RequestId) : HostMessage;

/// <summary>Embed texts: mean-pooled, L2-normalized. Answered by <see cref="Embedded"/> or <see cref="RequestFailed"/>.</summary>
/// <param name="RequestId">Chosen by the platform, unique within the worker's life.</param>
/// <param name="ModelKey">A loaded model.</param>
/// <param name="Inputs">At least one text, none empty.</param>
public sealed record Embed(string RequestId, string ModelKey, IReadOnlyList<string> Inputs) : HostMessage;

/// <summary>Count the tokens of a rows file as training would. The first and only job of a counting worker; answered by <see cref="TokensCounted"/> or <see cref="RequestFailed"/>.</summary>
/// <param name="RequestId">Chosen by the platform.</param>
/// <param name="ModelDirectory">Absolute folder of the model whose tokenizer and chat template count.</param>
/// <param name="RowsFile">Absolute path of the rows; empty lines are no rows.</param>
/// <param name="MaxLength">Tokens above which a row counts as truncated.</param>
public sealed record CountTokens(string RequestId, string ModelDirectory, string RowsFile, int MaxLength) : HostMessage;

/// <summary>End in order: a training worker writes a checkpoint first; a serving worker drops what it does.</summary>
public sealed record Shutdown : HostMessage;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">The text.</param>
/// <param name="Weight">In training rows: 0 means that no loss is taken on this assistant turn. Default 1.</param>
public sealed record ChatTurn(string Role, string Content, double Weight = 1);

/// <summary>One line of a rows file: a conversation whose assistant turns are to be learnt, or a text.</summary>
/// <param name="Messages">At least one user and one assistant turn; null in the row of a text.</param>
public sealed record TrainingRow(IReadOnlyList<ChatTurn> Messages)
{
    /// <summary>Text without form, learnt whole; null in a conversation.</summary>
    public string? Text { get; set; }
}

/// <summary>How to train. All values are final: the platform has already put in the defaults.</summary>
/// <remarks>Settable, not init-only: generated deserialization sets every init-only member, and a number that a line leaves out would be 0 in place of its default.</remarks>
public sealed record TrainingConfig
{
    /// <summary><c>FullFineTuning</c> or <c>LoRA</c>.</summary>
    public required string ParameterScale { get; init; }

    /// <summary>Passes over the rows, at least 1.</summary>
    public required int Epochs { get; init; }

    /// <summary>Rows a step, at least 1; of texts, sequences.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Peak learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Longest row in tokens; a conversation that is longer is cut at the right and counted, a text goes on in the next sequence.</summary>
    public required int MaxSequenceLength { get; init; }

    /// <summary>Share of the steps over which the learning rate grows, 0 to 1.</summary>
    public double WarmupRatio { get; set; } = 0.03;

    /// <summary>AdamW's decoupled weight decay.</summary>
    public double WeightDecay { get; set; } = 0.01;

    /// <summary><c>cosine</c>, <c>linear</c> or <c>constant</c>.</summary>
    public string Scheduler { get; set; } = "cosine";

    /// <summary>Gradient norm above which gradients are scaled down.</summary>
    public double MaxGradientNorm { get; set; } = 1.0;

    /// <summary>LoRA rank.</summary>
    public int LoraRank { get; set; } = 8;

    /// <summary>LoRA alpha: the adapter's product is scaled by alpha / rank.</summary>
    public double LoraAlpha { get; set; } = 16;

    /// <summary>LoRA dropout, 0 to below 1.</summary>
    public double LoraDropout { get; set; }

    /// <summary>The linear layers that LoRA adapts, such as <c>q_proj</c>; null adapts all seven of a block.</summary>
    public IReadOnlyList<string>? LoraTargetModules { get; set; }

    /// <summary>Batches whose gradients are added up to one step, at least 1: a step takes this many times <see cref="BatchSize"/> rows.</summary>
    public int GradientAccumulationSteps { get; set; } = 1;

    /// <summary>Short rows go through the model behind one another in one sequence, without seeing each other. Saves padding; losses are the same. Texts do so in any case.</summary>
    public bool Packing { get; set; }

    /// <summary>Share of the words of users' turns that every second row of an epoch goes without, 0 to 0.9, others in each epoch: questions in other words are then understood more often.</summary>
    public double PromptDropout { get; set; }

    /// <summary>Keeps only what goes into each block of the model and computes the rest once more on the way back: about a third more work for a fraction of the memory. Losses are the same.</summary>
    public bool ActivationCheckpointing { get; set; }

    /// <summary>Number format of the matrix products: <c>fp32</c>, <c>bf16</c> (all that is kept stays in 32 bits), or <c>auto</c> (as null), which takes bf16 for larger models where the hardware gains from it.</summary>
    public string? Precision { get; set; } = "auto";

    /// <summary>Training ends when so many validations in a row brought no better loss; 0 never does. Needs <see cref="ValidationPercent"/>.</summary>
    public int EarlyStopPatience { get; set; }

    /// <summary>The output has the weights of the best validation loss, not the last ones. Needs <see cref="ValidationPercent"/>.</summary>
    public bool KeepBest { get; set; }

    /// <summary>Percent of the rows held out for the validation loss, 0 to 50. Rows are chosen by <see cref="Seed"/>.</summary>
    public double ValidationPercent { get; set; }

    /// <summary>Steps between checkpoints; 0 lets the worker choose (about every 20 seconds).</summary>
    public int CheckpointSteps { get; set; }

    /// <summary>Steps between two reported training losses.</summary>
    public int LoggingSteps { get; set; } = 1;

    /// <summary>Seed of initialization, data order and dropout.</summary>
    public long Seed { get; set; } = 42;

    /// <summary>A folder whose weights training starts from in place of the base model's (incremental training): a full checkpoint or a PEFT adapter. Null starts from the base.</summary>
    public string? StartFromDirectory { get; set; }
}

/// <summary>How to choose tokens.</summary>
/// <inheritdoc cref="TrainingConfig" path="/remarks"/>
public sealed record SamplingConfig
{
    /// <summary>Most tokens to generate.</summary>
    public int MaxTokens { get; set; } = 256;

    /// <summary>0 takes the likeliest token always.</summary>
    public double Temperature { get; set; } = 0.7;

    /// <summary>Nucleus: the smallest set of tokens whose probability reaches this, above 0 to 1.</summary>
    public double TopP { get; set; } = 1;

    /// <summary>Only the k likeliest tokens; 0 is no limit.</summary>
    public int TopK { get; set; }

    /// <summary>Divides the logits of tokens already present, 1 to 2; 1 is off.</summary>
    public double RepetitionPenalty { get; set; } = 1;

    /// <summary>Only tokens at least this many times as likely as the likeliest, 0 to 1; 0 is off.</summary>
    public double MinP { get; set; }

    /// <summary>Taken off the logit of a token for each time that the answer has it, -2 to 2.</summary>
    public double FrequencyPenalty { get; set; }

    /// <summary>Taken off the logit of each token that the answer has, -2 to 2.</summary>
    public double PresencePenalty { get; set; }

    /// <summary>Added to the logits of tokens, by their ids, each -100 to 100.</summary>
    public IReadOnlyDictionary<int, double>? LogitBias { get; set; }

    /// <summary>Report the log-probability of each token and of this many of the likeliest, 0 to 20; null reports none.</summary>
    public int? Logprobs { get; set; }

    /// <summary><c>text</c> (as null), <c>json_object</c>, or <c>json_schema</c> with <see cref="JsonSchema"/>: the answer is then valid JSON, unless too few tokens are allowed for any.</summary>
    public string? ResponseFormat { get; set; }

    /// <summary>The schema of the answer: type, properties, required, enum, const, items and additionalProperties as a boolean. Objects have none but the properties that are named.</summary>
    public JsonElement? JsonSchema { get; set; }

    /// <summary>Texts that end the answer; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; set; } = [];

    /// <summary>Makes sampling repeatable; null draws one.</summary>
    public long? Seed { get; set; }
}
