using System.Text.Json.Serialization;

namespace Qianfan.WorkerProtocol;

/// <summary>A line that a worker writes to its standard output. Its standard error is a log for people.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(WorkerHello), "hello")]
[JsonDerivedType(typeof(Heartbeat), "heartbeat")]
[JsonDerivedType(typeof(TrainingStarted), "trainingStarted")]
[JsonDerivedType(typeof(TrainingProgress), "trainingProgress")]
[JsonDerivedType(typeof(ValidationResult), "validation")]
[JsonDerivedType(typeof(CheckpointSaved), "checkpoint")]
[JsonDerivedType(typeof(TrainingLog), "log")]
[JsonDerivedType(typeof(TrainingCompleted), "trainingCompleted")]
[JsonDerivedType(typeof(TrainingStopped), "trainingStopped")]
[JsonDerivedType(typeof(TrainingFailed), "trainingFailed")]
[JsonDerivedType(typeof(ModelLoaded), "modelLoaded")]
[JsonDerivedType(typeof(DecodeStep), "decodeStep")]
[JsonDerivedType(typeof(Embedded), "embedded")]
[JsonDerivedType(typeof(TokensCounted), "tokensCounted")]
[JsonDerivedType(typeof(RequestFailed), "requestFailed")]
[JsonDerivedType(typeof(ExportProgress), "exportProgress")]
[JsonDerivedType(typeof(ExportCompleted), "exportCompleted")]
[JsonDerivedType(typeof(ExportFailed), "exportFailed")]
public abstract record WorkerMessage;

/// <summary>The first line of every worker.</summary>
/// <param name="Protocol">Must equal <see cref="WorkerLine.ProtocolVersion"/>; otherwise the platform refuses the worker.</param>
/// <param name="EngineVersion">Version of the engine's assembly.</param>
/// <param name="ProcessId">The worker's process id.</param>
/// <param name="Mode"><c>train</c>, <c>serve</c>, <c>count</c> or <c>export</c>.</param>
public sealed record WorkerHello(int Protocol, string EngineVersion, int ProcessId, string Mode) : WorkerMessage
{
    /// <summary>Requests that a serving worker decodes together: it puts off what is sent beyond that, in the order of arrival. Null in other workers, and where there is no such limit.</summary>
    public int? Slots { get; init; }
}

/// <summary>Sent every few seconds, whatever else happens.</summary>
/// <param name="WorkingSetBytes">Memory of the worker process.</param>
public sealed record Heartbeat(long WorkingSetBytes) : WorkerMessage
{
    /// <summary>Of a serving worker: requests under way and waiting.</summary>
    public int? Requests { get; init; }

    /// <summary>Of a serving worker: bytes of <see cref="ModelLoaded.CacheBytes"/> that hold keys and values, or are promised to requests under way.</summary>
    public long? CacheUsedBytes { get; init; }
}

/// <summary>Model and rows are loaded, the first step follows. With <paramref name="FromStep"/> above 0, the newest <see cref="TrainingProgress"/> and <see cref="ValidationResult"/> lines up to that step come once more before it: a platform that died may not have heard them. Who has heard them drops them.</summary>
/// <param name="FromStep">0, or the step of the checkpoint that training goes on from: metrics past it that were reported before are superseded.</param>
/// <param name="TotalSteps">Steps of the whole training.</param>
/// <param name="TrainRows">Rows that are trained on.</param>
/// <param name="ValidationRows">Rows that are held out.</param>
/// <param name="TrainTokens">Tokens of one epoch after truncation.</param>
/// <param name="TruncatedRows">Rows that were cut at the sequence length.</param>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="TrainableParameters">Parameters that training changes.</param>
public sealed record TrainingStarted(int FromStep, int TotalSteps, int TrainRows, int ValidationRows, long TrainTokens, int TruncatedRows, long Parameters, long TrainableParameters) : WorkerMessage;

/// <summary>A training step is done.</summary>
/// <param name="Step">1 for the first step.</param>
/// <param name="TotalSteps">Steps of the whole training.</param>
/// <param name="Epoch">Epochs done, with fraction.</param>
/// <param name="Loss">Mean cross-entropy over the answer tokens of the step, in nats.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="GradientNorm">Gradient norm before clipping.</param>
/// <param name="TokensPerSecond">Tokens (prompt and answer) that went through the model, per second, smoothed.</param>
/// <param name="Tokens">Tokens trained on so far, over all epochs.</param>
public sealed record TrainingProgress(int Step, int TotalSteps, double Epoch, double Loss, double LearningRate, double GradientNorm, double TokensPerSecond, long Tokens) : WorkerMessage;

/// <summary>The held-out rows were evaluated.</summary>
/// <param name="Step">After this step.</param>
/// <param name="Loss">Mean cross-entropy over the answer tokens of the held-out rows, in nats.</param>
public sealed record ValidationResult(int Step, double Loss) : WorkerMessage;

/// <summary>A checkpoint is on disk, complete: training can go on from here.</summary>
/// <param name="Step">After this step.</param>
/// <param name="TrainingLoss">Loss of the step.</param>
/// <param name="ValidationLoss">The newest validation loss, or null.</param>
public sealed record CheckpointSaved(int Step, double TrainingLoss, double? ValidationLoss) : WorkerMessage;

/// <summary>A line for the run's log.</summary>
/// <param name="Level"><c>info</c>, <c>warning</c> or <c>error</c>.</param>
/// <param name="Message">One line of text.</param>
public sealed record TrainingLog(string Level, string Message) : WorkerMessage;

/// <summary>Training is done and its output stands in <c>output/</c> of the task folder. The worker ends.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="TrainingLoss">Mean loss of the last epoch.</param>
/// <param name="ValidationLoss">Validation loss of what was written, or null.</param>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="Seconds">Time spent in this process.</param>
/// <param name="OutputKind"><c>model</c> (a full Hugging Face folder) or <c>adapter</c> (a PEFT folder).</param>
/// <param name="BestStep">With <see cref="TrainingConfig.KeepBest"/>, the step whose weights were written.</param>
/// <param name="StoppedEarly">Whether <see cref="TrainingConfig.EarlyStopPatience"/> ended it.</param>
public sealed record TrainingCompleted(int Steps, double TrainingLoss, double? ValidationLoss, long Tokens, double Seconds, string OutputKind, int? BestStep = null, bool StoppedEarly = false) : WorkerMessage;

/// <summary>Training stopped as told, after a checkpoint. The worker ends.</summary>
/// <param name="Step">The step of that checkpoint.</param>
public sealed record TrainingStopped(int Step) : WorkerMessage;

/// <summary>Training can't go on. The worker ends.</summary>
/// <param name="Code">One of <see cref="WorkerErrors"/>.</param>
/// <param name="Message">For people: what is wrong and what to do.</param>
public sealed record TrainingFailed(string Code, string Message) : WorkerMessage;

/// <summary>A model is ready.</summary>
/// <param name="RequestId">Of the <see cref="LoadModel"/>.</param>
/// <param name="ModelKey">The model.</param>
/// <param name="ContextLength">Most tokens of prompt and answer together: the model's own limit, or what there is memory for.</param>
/// <param name="MemoryBytes">Bytes that the weights take; those of a model that adapters share are counted with each.</param>
public sealed record ModelLoaded(string RequestId, string ModelKey, int ContextLength, long MemoryBytes) : WorkerMessage
{
    /// <summary>Bytes that keys and values may take besides, those of all requests and models together.</summary>
    public long? CacheBytes { get; init; }
}

/// <summary>What one decoding step gave to each request that takes part in it.</summary>
/// <param name="Slots">At least one.</param>
public sealed record DecodeStep(IReadOnlyList<DecodedSlot> Slots) : WorkerMessage;

/// <summary>One request's share of a decoding step.</summary>
/// <param name="RequestId">Of the <see cref="Generate"/>.</param>
/// <param name="Text">New text; empty while a character is not complete yet.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CompletionTokens">Tokens generated so far.</param>
/// <param name="FinishReason">Null while it goes on; <c>stop</c>, <c>length</c> or <c>cancelled</c> in the request's last line.</param>
public sealed record DecodedSlot(string RequestId, string Text, int PromptTokens, int CompletionTokens, string? FinishReason = null)
{
    /// <summary>Tokens of the prompt that were known from an earlier request; null when there were none.</summary>
    public int? CachedTokens { get; init; }

    /// <summary>The token of this step, when <see cref="SamplingConfig.Logprobs"/> asks for it. Its text may be held back for a while.</summary>
    public TokenLogprob? Logprob { get; init; }
}

/// <summary>How likely the model itself found a token, whatever temperature, penalties and formats made of it.</summary>
/// <param name="Token">Its text; U+FFFD where it is a part of a character. Empty for special tokens.</param>
/// <param name="Logprob">Natural logarithm of its probability.</param>
public sealed record TokenLogprob(string Token, double Logprob)
{
    /// <summary>The bytes of its text.</summary>
    public IReadOnlyList<int>? Bytes { get; init; }

    /// <summary>The likeliest tokens at this place, the likeliest first; null in these themselves.</summary>
    public IReadOnlyList<TokenLogprob>? Top { get; init; }
}

/// <summary>The vectors of an <see cref="Embed"/>.</summary>
/// <param name="RequestId">Of the request.</param>
/// <param name="Vectors">One for each input, in order, of length 1.</param>
/// <param name="PromptTokens">Tokens of all inputs.</param>
public sealed record Embedded(string RequestId, IReadOnlyList<IReadOnlyList<float>> Vectors, int PromptTokens) : WorkerMessage;

/// <summary>The tokens of a <see cref="CountTokens"/>. The worker ends.</summary>
/// <param name="RequestId">Of the request.</param>
/// <param name="Rows">Rows of the file.</param>
/// <param name="Tokens">Tokens of all rows, uncut, with those of the chat template.</param>
/// <param name="Median">Half of the rows have at most this many.</param>
/// <param name="Percentile95">95 of 100 rows have at most this many.</param>
/// <param name="Longest">Tokens of the longest row.</param>
/// <param name="TruncatedRows">Rows above the length that was asked for.</param>
public sealed record TokensCounted(string RequestId, long Rows, long Tokens, int Median, int Percentile95, int Longest, long TruncatedRows) : WorkerMessage;

/// <summary>A request can't be served; the worker goes on.</summary>
/// <param name="RequestId">The request.</param>
/// <param name="Code">One of <see cref="WorkerErrors"/>.</param>
/// <param name="Message">For people.</param>
public sealed record RequestFailed(string RequestId, string Code, string Message) : WorkerMessage;

/// <summary>An export is under way.</summary>
/// <param name="DoneBytes">Bytes of weights written so far.</param>
/// <param name="TotalBytes">Bytes of weights in all.</param>
public sealed record ExportProgress(long DoneBytes, long TotalBytes) : WorkerMessage;

/// <summary>An export is done; the files are complete and on the disk. The worker ends.</summary>
/// <param name="Files">What was written.</param>
public sealed record ExportCompleted(IReadOnlyList<ExportedFile> Files) : WorkerMessage;

/// <summary>A file that an export wrote.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Checksum, 64 hexadecimal digits in lower case.</param>
public sealed record ExportedFile(string Path, long Bytes, string Sha256);

/// <summary>An export can't be done; nothing is left under its name. The worker ends.</summary>
/// <param name="Code">One of <see cref="WorkerErrors"/>.</param>
/// <param name="Message">For people: what is wrong.</param>
public sealed record ExportFailed(string Code, string Message) : WorkerMessage;

/// <summary>Codes of <see cref="TrainingFailed"/> and <see cref="RequestFailed"/>.</summary>
public static class WorkerErrors
{
    /// <summary>The request itself is wrong: an empty prompt, a value out of range.</summary>
    public const string InvalidArgument = "invalid_argument";

    /// <summary>The prompt leaves no room in the context.</summary>
    public const string ContextLength = "context_length_exceeded";

    /// <summary>No such model is loaded.</summary>
    public const string ModelNotFound = "model_not_found";

    /// <summary>The model went away while the request ran.</summary>
    public const string ModelUnloaded = "model_unloaded";

    /// <summary>Too many requests are waiting already; later ones may be taken.</summary>
    public const string Overloaded = "overloaded";

    /// <summary>A model folder or rows file can't be read or isn't supported.</summary>
    public const string InvalidModel = "invalid_model";

    /// <summary>There are no rows to train on.</summary>
    public const string NoRows = "no_rows";

    /// <summary>The loss is not a number or infinite.</summary>
    public const string Diverged = "diverged";

    /// <summary>Another worker holds the task folder.</summary>
    public const string TaskLocked = "task_locked";

    /// <summary>The disk is full or can't be written.</summary>
    public const string Storage = "storage";

    /// <summary>The model does not fit into the memory that is free.</summary>
    public const string OutOfMemory = "out_of_memory";

    /// <summary>The platform called it off.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>The native library can't be loaded.</summary>
    public const string NativeLibrary = "native_library";

    /// <summary>Anything else: a fault in the engine.</summary>
    public const string Internal = "internal";
}
