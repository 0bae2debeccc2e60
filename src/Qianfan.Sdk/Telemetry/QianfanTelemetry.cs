using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Qianfan.Sdk.Telemetry;

/// <summary>
/// What the library tells of its work, by OpenTelemetry's semantic conventions for generative AI: activities and metrics, never a word of prompts or answers.
/// Nobody listening, it costs a look at a flag.
/// </summary>
public static class QianfanTelemetry
{
    /// <summary>Name of the <see cref="System.Diagnostics.ActivitySource"/> and of the <see cref="System.Diagnostics.Metrics.Meter"/>: <c>Qianfan.Sdk</c>.</summary>
    public const string SourceName = "Qianfan.Sdk";

    /// <summary>Value of <c>gen_ai.provider.name</c>, for the cloud and for self-hosted platforms.</summary>
    public const string ProviderName = "qianfan";

    private static readonly Meter s_meter = new(SourceName, Version);

    internal static string Version => typeof(QianfanTelemetry).Assembly.GetName().Version!.ToString(3);

    internal static ActivitySource Source { get; } = new(SourceName, Version);

    internal static Histogram<double> Duration { get; } = Seconds("gen_ai.client.operation.duration", "GenAI operation duration.");

    internal static Histogram<double> TimeToFirstChunk { get; } = Seconds("gen_ai.client.operation.time_to_first_chunk", "Time from the request to the first chunk of a streamed answer.");

    internal static Histogram<double> TimePerOutputChunk { get; } = Seconds("gen_ai.client.operation.time_per_output_chunk", "Time between two chunks of a streamed answer.");

    internal static Histogram<long> TokenUsage { get; } = s_meter.CreateHistogram(
        "gen_ai.client.token.usage",
        "{token}",
        "Number of input and output tokens used.",
        advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864] });

    private static Histogram<double> Seconds(string name, string description) => s_meter.CreateHistogram(
        name,
        "s",
        description,
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] });
}
