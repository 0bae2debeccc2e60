using Polly;
using Polly.Timeout;

namespace Qianfan.Sdk.DependencyInjection;

/// <summary>Tells of a request that the resilience handlers below refuse as of one that could not be sent, so that it is repeated and reported like one. One that a timeout gave up may have been sent.</summary>
internal sealed class RejectionHandler : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (ExecutionRejectedException e) when (e is not TimeoutRejectedException)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
        }
    }
}
