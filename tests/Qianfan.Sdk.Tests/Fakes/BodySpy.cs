namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Shows the body of each request that passes.</summary>
internal sealed class BodySpy(HttpMessageHandler inner, Action<string> see) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is { } content)
        {
            see(await content.ReadAsStringAsync(cancellationToken));
        }

        return await base.SendAsync(request, cancellationToken);
    }
}
