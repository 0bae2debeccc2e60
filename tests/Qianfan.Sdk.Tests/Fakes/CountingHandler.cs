using System.Net;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Counts the answers that were given and not yet disposed.</summary>
internal sealed class CountingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private int _alive;

    public int Alive => Volatile.Read(ref _alive);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        Interlocked.Increment(ref _alive);
        response.Content = new Counted(response.Content, this);
        return response;
    }

    private sealed class Counted : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly CountingHandler _owner;
        private int _disposed;

        public Counted(HttpContent inner, CountingHandler owner)
        {
            _inner = inner;
            _owner = owner;
            foreach (var (name, values) in inner.Headers)
            {
                Headers.TryAddWithoutValidation(name, values);
            }
        }

        protected override Task<Stream> CreateContentReadStreamAsync() => _inner.ReadAsStreamAsync();

        protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => _inner.ReadAsStreamAsync(cancellationToken);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _inner.CopyToAsync(stream, context);

        protected override bool TryComputeLength(out long length)
        {
            length = _inner.Headers.ContentLength ?? 0;
            return _inner.Headers.ContentLength is not null;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref _owner._alive);
                _inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
