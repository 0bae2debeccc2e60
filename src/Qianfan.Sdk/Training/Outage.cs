using System.Net;
using Qianfan.Sdk.Http;

namespace Qianfan.Sdk.Training;

/// <summary>Looks at the platform through outages: a training of hours is not given up for a network that is away for minutes.</summary>
internal static class Outage
{
    /// <summary>True when the failure says nothing about what was asked for, only that the platform can't be reached now.</summary>
    public static bool Is(QianfanException failure) => failure switch
    {
        QianfanAuthenticationException => false,
        QianfanApiException e => e.StatusCode is >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests,
        QianfanRequestException e => e.StatusCode is null or >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests,
        _ => false,
    };

    /// <summary>Repeats a look until it succeeds or the outage has lasted for <see cref="QianfanOptions.OutagePatience"/>.</summary>
    public static async Task<T> PatientlyAsync<T>(QianfanClient client, Func<Task<T>> look, CancellationToken cancellationToken)
    {
        var begin = client.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            QianfanException failure;
            try
            {
                return await look().ConfigureAwait(false);
            }
            catch (QianfanException e) when (Is(e) && client.Time.GetElapsedTime(begin) < client.Options.OutagePatience)
            {
                failure = e;
            }

            await Task.Delay(Wait(client.Options, attempt, failure), client.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The wait between two attempts to reach the platform again.</summary>
    public static TimeSpan Wait(QianfanOptions options, int attempt, QianfanException? failure) =>
        QianfanTransport.Wait(options.ConsoleRetry with { MaxWait = TimeSpan.FromSeconds(30) }, Math.Min(attempt, 6), failure);
}
