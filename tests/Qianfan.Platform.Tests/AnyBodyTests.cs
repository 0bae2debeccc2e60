using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every route, sent bodies that nobody thought of.</summary>
public sealed class AnyBodyTests
{
    private const int Requests = 4000;

    // Codes and texts of an internal error, in each API's way.
    private static readonly string[] s_faults = ["Internal error", "\"error_code\":336000", "\"error_code\":500000", "\"code\":500000", "InternalError"];

    [Fact]
    public async Task No_body_makes_the_platform_fail()
    {
        await using var host = await PlatformHost.StartAsync();
        var routes = Route.All(host).Where(route => route.Body is not null).ToArray();
        routes.Length.ShouldBeGreaterThan(60);
        var requests = Gen.OneOf(routes.Select(route => JsonBodies.For(route.Body!).Select(body => (route, body))).ToArray());
        await requests.SampleAsync(async (route, body) =>
        {
            using var message = new HttpRequestMessage(new HttpMethod(route.Method), route.Path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            using var response = await host.Client.SendAsync(message, TestContext.Current.CancellationToken);
            var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            var type = response.Content.Headers.ContentType?.MediaType;
            if ((int)response.StatusCode is >= 500 and not 503 || s_faults.Any(answer.Contains)) throw new InvalidOperationException($"{route} {body}\n{(int)response.StatusCode} {answer}");
            if (type != "text/event-stream" && (type != "application/json" || JsonNode.Parse(answer) is not JsonObject)) throw new InvalidOperationException($"{route} {body}\n{type} {answer}");
        }, iter: Requests, threads: 1);
    }
}
