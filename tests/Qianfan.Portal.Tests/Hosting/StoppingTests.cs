using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Qianfan.Portal.Tests.Hosting;

/// <summary>A browser that is cut off connects again at once. Taken in while the portal ends, it would hold up the end: Kestrel waits for open connections.</summary>
public sealed class StoppingTests
{
    [Fact]
    public async Task Nothing_new_is_taken_in_while_the_portal_ends()
    {
        var knocking = new KnocksWhileItStops();
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<IHostedService>(knocking) };
        portal.UseKestrel(0);
        portal.StartServer();
        using var browser = portal.CreateClient();
        knocking.Browser = browser;
        (await browser.GetAsync("/health/live", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);

        portal.Get<IHostApplicationLifetime>().StopApplication();

        (await knocking.Answers.WaitAsync(TestContext.Current.CancellationToken)).ShouldBe([("/health/live", HttpStatusCode.ServiceUnavailable, true), ("/hubs/runs/negotiate?negotiateVersion=1", HttpStatusCode.ServiceUnavailable, true)]);
    }

    /// <summary>Services stop in turn, the server last: this is the moment in which browsers connect again.</summary>
    private sealed class KnocksWhileItStops : IHostedService
    {
        private readonly TaskCompletionSource<List<(string Path, HttpStatusCode Status, bool Closes)>> _answers = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _stops;

        public HttpClient? Browser { get; set; }

        public Task<List<(string Path, HttpStatusCode Status, bool Closes)>> Answers => _answers.Task;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            // The host of a test is told once more when it is disposed.
            if (Interlocked.Increment(ref _stops) > 1)
                return;
            try
            {
                _answers.SetResult([await KnockAsync(HttpMethod.Get, "/health/live", cancellationToken), await KnockAsync(HttpMethod.Post, "/hubs/runs/negotiate?negotiateVersion=1", cancellationToken)]);
            }
            catch (HttpRequestException e)
            {
                _answers.SetException(e);
            }
        }

        private async Task<(string Path, HttpStatusCode Status, bool Closes)> KnockAsync(HttpMethod method, string path, CancellationToken cancellationToken)
        {
            using var request = new HttpRequestMessage(method, path);
            using var response = await Browser!.SendAsync(request, cancellationToken);
            return (path, response.StatusCode, response.Headers.ConnectionClose == true);
        }
    }
}
