using System.Net;
using Qianfan.Sdk.Http;

namespace Qianfan.Sdk.Training;

/// <summary>Creates something on the platform exactly once: whenever it may be there already, it is looked for first.</summary>
internal static class CreateOnce
{
    private const int Attempts = 4;

    /// <param name="mayExist">True when an earlier attempt may have created it.</param>
    /// <param name="find">Looks for it; null when it isn't there.</param>
    /// <param name="create">Creates it.</param>
    /// <param name="run">For the waits.</param>
    /// <param name="retry">How long to wait.</param>
    /// <param name="cancellationToken">Aborts.</param>
    public static async Task<T> RunAsync<T>(bool mayExist, Func<Task<T?>> find, Func<Task<T>> create, ActionRun run, RetryOptions retry, CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            if (mayExist && await find().ConfigureAwait(false) is { } found)
            {
                return found;
            }

            QianfanException failure;
            try
            {
                return await create().ConfigureAwait(false);
            }
            catch (QianfanException e) when (attempt < Attempts && IsUnclear(e))
            {
                mayExist = true;
                failure = e;
            }

            await run.DelayAsync(QianfanTransport.Wait(retry, attempt, failure), cancellationToken).ConfigureAwait(false);
            run.ThrowIfStopRequested();
        }
    }

    /// <summary>True when the platform may have done it all the same.</summary>
    private static bool IsUnclear(QianfanException failure) => failure switch
    {
        QianfanAuthenticationException => false,
        QianfanApiException e => e.Code == "500000" || e.StatusCode >= HttpStatusCode.InternalServerError,
        QianfanRequestException e => e.StatusCode is null or >= HttpStatusCode.InternalServerError,
        _ => false,
    };
}
