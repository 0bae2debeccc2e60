using System.Globalization;

namespace Qianfan.Sdk.Telemetry;

/// <summary>Values of <c>error.type</c>: few, and without what people wrote.</summary>
internal static class TelemetryErrors
{
    /// <summary>The platform's code; else the HTTP status; else the name of the exception.</summary>
    public static string TypeOf(Exception error) => error switch
    {
        QianfanApiException api => api.Code,
        QianfanRequestException { InnerException: OperationCanceledException } => "timeout",
        QianfanRequestException { StatusCode: { } status } when (int)status >= 400 => ((int)status).ToString(CultureInfo.InvariantCulture),
        _ => error.GetType().FullName ?? "_OTHER",
    };
}
