using Qianfan.Portal.Security;
using Qianfan.Sdk;

namespace Qianfan.Portal.Features.Connections;

/// <summary>Finds out whether a platform answers and takes the credential. Thread-safe.</summary>
public sealed class ConnectionTester(ConnectionService connections, PlatformClients clients)
{
    // A person is waiting; the SDK's own retries would take minutes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Asks the platform which models it can train.</summary>
    /// <returns>Their number.</returns>
    /// <exception cref="UserErrorException"><c>ConnectionRefused</c>: the platform refused the credential, or doesn't answer, with its own words; <c>ConnectionTimeout</c>.</exception>
    public async Task<int> TestAsync(Actor actor, Guid projectId, Guid connectionId, CancellationToken cancellationToken)
    {
        await connections.RequireAsync(actor, projectId, connectionId, Permission.ManageCredentials, cancellationToken);
        var client = await clients.ForAsync(connectionId, cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            return (await client.FineTuning.DescribeSupportedModelsAsync(limit.Token)).Count;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UserErrorException("ConnectionTimeout", (int)Patience.TotalSeconds);
        }
        catch (QianfanException e)
        {
            throw new UserErrorException("ConnectionRefused", e.Message);
        }
    }
}
