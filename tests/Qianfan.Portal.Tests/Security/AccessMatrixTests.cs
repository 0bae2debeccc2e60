using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticAssets;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Security;

public sealed partial class AccessMatrixTests : IAsyncLifetime
{
    private readonly PortalFactory _portal = new() { Roles = "portal,platform" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _portal.CreateBrowser().Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _portal.DisposeAsync();

    [Fact]
    public void Every_endpoint_stands_in_the_table()
    {
        var table = AccessTable.Rows.Select(r => (r.Method, r.Pattern)).ToHashSet();

        var missing = Mapped().Where(e => !table.Contains(e)).Order().Select(e => $"{e.Method} {e.Pattern}");
        var stale = table.Except(Mapped()).Order().Select(e => $"{e.Method} {e.Pattern}");

        missing.ShouldBeEmpty("add a row to AccessTable for each");
        stale.ShouldBeEmpty("these rows have no endpoint any more");
    }

    [Fact]
    public async Task Every_endpoint_answers_each_kind_of_caller_as_the_table_says()
    {
        await _portal.AddTeamAsync("stranger@example.com");
        await _portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        await _portal.AddUserAsync("member@example.com", TeamRole.Member);
        await _portal.AddUserAsync("second-owner@example.com", TeamRole.Owner);
        (string Who, HttpClient Client, Func<Access, int> Expected)[] callers =
        [
            ("anonymous", _portal.CreateBrowser(), a => a.Anonymous),
            ("stranger", await _portal.CreateClientAsync("stranger@example.com"), a => a.Stranger),
            ("viewer", await _portal.CreateClientAsync("viewer@example.com"), a => a.Viewer),
            ("member", await _portal.CreateClientAsync("member@example.com"), a => a.Member),
            ("owner", await _portal.CreateClientAsync("second-owner@example.com"), a => a.Owner),
        ];

        List<string> wrong = [];
        foreach (var row in AccessTable.Rows)
        {
            var path = "/" + RouteValue().Replace(row.Pattern, match => match.Groups[1].Value.ToUpperInvariant() switch
            {
                "PROJECTID" => _portal.ProjectId.ToString(),
                "CULTURE" => "en",
                _ => "019dfe4c-0000-7000-8000-00000000dead",
            });
            foreach (var (who, client, expected) in callers)
            {
                using var request = new HttpRequestMessage(new HttpMethod(row.Method), path);
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
                if ((int)response.StatusCode != expected(row))
                    wrong.Add($"{row.Method} {row.Pattern}: {who} got {(int)response.StatusCode}, not {expected(row)}");
            }
        }

        foreach (var caller in callers)
            caller.Client.Dispose();
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task Machine_routes_take_no_login_and_answer_in_json()
    {
        using var owner = await _portal.CreateClientAsync();
        List<string> wrong = [];
        foreach (var (method, pattern) in Endpoints().SelectMany(Describe).Where(e => IsMachine(e.Pattern)).Distinct())
        {
            var path = "/" + RouteValue().Replace(pattern, "x");
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var response = await owner.SendAsync(request, Cancel);
            var json = response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) is true;
            // The token endpoint is where programs bring their credential, so it has none before; V1 says "unauthorized" in a body with status 200.
            if (!json || (int)response.StatusCode is >= 300 and < 400 or >= 500)
                wrong.Add($"{method} {pattern}: {(int)response.StatusCode} {response.Content.Headers.ContentType}");
        }

        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void Files_of_the_page_are_open_and_circuits_are_not()
    {
        foreach (var endpoint in Endpoints().Where(e => e.Metadata.GetMetadata<StaticAssetDescriptor>() is not null))
            endpoint.Metadata.GetMetadata<IAllowAnonymous>().ShouldNotBeNull(endpoint.DisplayName);
        var circuits = Endpoints().Where(e => e.RoutePattern.RawText!.TrimStart('/').StartsWith("_blazor", StringComparison.Ordinal)).ToList();
        circuits.ShouldNotBeEmpty();
        foreach (var endpoint in circuits)
            endpoint.Metadata.GetMetadata<IAllowAnonymous>().ShouldBeNull(endpoint.DisplayName);
    }

    private IEnumerable<RouteEndpoint> Endpoints() =>
        _portal.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    // Files and the framework's own endpoints have a test of their own, machine routes too.
    private HashSet<(string Method, string Pattern)> Mapped() =>
    [
        .. Endpoints()
            .Where(e => e.Metadata.GetMetadata<StaticAssetDescriptor>() is null)
            .SelectMany(Describe)
            // The last one answers for files that were added after the build.
            .Where(e => !IsMachine(e.Pattern) && !e.Pattern.StartsWith('_') && e.Pattern != "{**path:file}")
    ];

    private static IEnumerable<(string Method, string Pattern)> Describe(RouteEndpoint endpoint)
    {
        var pattern = (endpoint.RoutePattern.RawText ?? "").TrimStart('/');
        var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"];
        // A page takes the posts of its own forms too, behind antiforgery: its row is that of GET.
        return (methods.Contains("GET") ? ["GET"] : methods).Select(m => (m, pattern));
    }

    private static bool IsMachine(string pattern) => MachineRoutes.Contains("/" + pattern);

    [GeneratedRegex(@"\{\*{0,2}([A-Za-z]+)[^}]*\}")]
    private static partial Regex RouteValue();
}
