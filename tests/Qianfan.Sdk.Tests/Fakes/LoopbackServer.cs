using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>A real HTTP/1.1 server on a port of its own that does with each request what a script says: answers, breaks off in the middle, or never answers. Counts the connections that are open.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Exchange, Task>[] _script;
    private readonly Lock _sync = new();
    private readonly List<Task> _connections = [];
    private readonly List<string> _requests = [];
    private readonly Task _accepting;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _open;

    /// <param name="script">What happens to the first request, the second, ...; the last goes on for all others.</param>
    public LoopbackServer(params Func<Exchange, Task>[] script)
    {
        _script = script;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Set, and the server speaks TLS.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Heads and bodies of the requests so far.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (_sync)
            {
                return [.. _requests];
            }
        }
    }

    public int Open
    {
        get
        {
            lock (_sync)
            {
                return _open;
            }
        }
    }

    public static Func<Exchange, Task> Json(string body, int status = 200, string headers = "") => exchange => exchange.AnswerAsync(status, "application/json", Encoding.UTF8.GetBytes(body), headers);

    /// <summary>Never answers; ends when the client hangs up.</summary>
    public static async Task Silence(Exchange exchange) => await exchange.HungUpAsync();

    /// <summary>Ends when something is true of the server.</summary>
    public async Task UntilAsync(Func<LoopbackServer, bool> isTrue, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                changed = _changed.Task;
            }

            if (isTrue(this))
            {
                return;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        Task[] connections;
        lock (_sync)
        {
            connections = [.. _connections];
        }

        await Task.WhenAll(connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                lock (_sync)
                {
                    _connections.Add(ServeAsync(client));
                }
            }
        }
        catch (Exception e) when (_stop.IsCancellationRequested && e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        Changed(1);
        try
        {
            using (client)
            {
                Stream stream = client.GetStream();
                if (Certificate is not null)
                {
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Certificate }, _stop.Token);
                    stream = secure;
                }

                while (await ReadRequestAsync(stream) is { } request)
                {
                    int number;
                    lock (_sync)
                    {
                        number = _requests.Count;
                        _requests.Add(request);
                    }

                    Changed(0);
                    var exchange = new Exchange(stream, client.Client, request, _stop.Token);
                    await _script[Math.Min(number, _script.Length - 1)](exchange);
                    if (exchange.Closes)
                    {
                        break;
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // The client hung up, or the test is over.
        }
        finally
        {
            Changed(-1);
        }
    }

    private void Changed(int open)
    {
        TaskCompletionSource changed;
        lock (_sync)
        {
            _open += open;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }

    private async Task<string?> ReadRequestAsync(Stream stream)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
            {
                return null;
            }

            text.Append((char)one[0]);
        }

        var head = text.ToString();
        var length = head.Split("\r\n").Where(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Select(l => int.Parse(l.AsSpan()["Content-Length:".Length..], CultureInfo.InvariantCulture)).FirstOrDefault();
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, _stop.Token);
        return head + Encoding.UTF8.GetString(body);
    }

    /// <summary>One request and the connection it came on.</summary>
    internal sealed class Exchange(Stream stream, Socket socket, string request, CancellationToken stopped)
    {
        public string Request { get; } = request;

        public CancellationToken Stopped { get; } = stopped;

        public bool Closes { get; private set; }

        public async Task AnswerAsync(int status, string type, byte[] body, string headers = "") =>
            await WriteAsync([.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} Scripted\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\n{headers}\r\n")), .. body]);

        public Task WriteAsync(string text) => WriteAsync(Encoding.UTF8.GetBytes(text));

        public async Task WriteAsync(byte[] bytes) => await stream.WriteAsync(bytes, Stopped);

        /// <summary>Hangs up after this exchange; with a reset when asked for.</summary>
        public void Close(bool reset = false)
        {
            Closes = true;
            if (reset)
            {
                socket.LingerState = new LingerOption(true, 0);
            }
        }

        /// <summary>Ends when the client hangs up.</summary>
        public async Task HungUpAsync()
        {
            Closes = true;
            var rest = new byte[256];
            while (await stream.ReadAsync(rest, Stopped) > 0)
            {
            }
        }
    }
}
