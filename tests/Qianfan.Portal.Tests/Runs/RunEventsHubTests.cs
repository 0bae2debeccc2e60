using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Http.Connections.Client;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Portal.Tests.Runs;

public class RunEventsHubTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_browser_gets_the_backlog_and_then_what_is_new()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 2, "") };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        await using var hub = await ConnectAsync(portal, PortalFactory.OwnerEmail);

        List<RunEventMessage> got = [];
        var finishing = false;
        await foreach (var events in hub.StreamAsync<List<RunEventMessage>>("Watch", runId, 0, Cancel))
        {
            got.AddRange(events);
            if (!finishing && got.Exists(e => e is { Kind: RunEventKind.Metric, Step: 2 }))
            {
                finishing = true;
                ScriptedPlatform.Train(platform.Tasks.Single().Value.Log, 2, 4, "Done");
            }

            if (got.Exists(e => e.Kind == RunEventKind.Status && e.Data.Contains("\"Done\"", StringComparison.Ordinal) && e.ActionClass is null))
                break;
        }

        var stored = await portal.EventsAsync(runId);
        got.Select(e => e.Sequence).ShouldBe(stored.Select(e => e.Sequence));
        got.Select(e => e.Data).ShouldBe(stored.Select(e => e.DataJson));
        got.Count(e => e.Kind == RunEventKind.Metric).ShouldBe(4);
    }

    [Fact]
    public async Task After_a_lost_connection_a_browser_goes_on_where_it_was()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);
        await using var hub = await ConnectAsync(portal, PortalFactory.OwnerEmail);

        await foreach (var events in hub.StreamAsync<List<RunEventMessage>>("Watch", runId, 5, Cancel))
        {
            events[0].Sequence.ShouldBe(6);
            break;
        }
    }

    [Fact]
    public async Task Another_teams_run_does_not_exist()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.Factory.AddTeamAsync("stranger@example.com");
        await using var hub = await ConnectAsync(portal, "stranger@example.com");

        var foreign = await Should.ThrowAsync<HubException>(FirstAsync(hub, runId));
        var missing = await Should.ThrowAsync<HubException>(FirstAsync(hub, Guid.NewGuid()));

        foreign.Message.ShouldContain("NotFound");
        foreign.Message.ShouldBe(missing.Message);
    }

    [Fact]
    public async Task Who_left_the_team_can_not_watch_again()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);
        var member = await portal.Factory.AddUserAsync("member@example.com", Features.Teams.TeamRole.Viewer);
        await using var hub = await ConnectAsync(portal, "member@example.com");
        (await FirstAsync(hub, runId)).ShouldNotBeEmpty();

        await using (var db = portal.Factory.Db())
            await db.Memberships.Where(m => m.UserId == member.UserId).ExecuteDeleteAsync(Cancel);

        (await Should.ThrowAsync<HubException>(FirstAsync(hub, runId))).Message.ShouldContain("NotFound");
    }

    [Fact]
    public async Task Nobody_watches_without_a_login_neither_at_the_hub_nor_at_the_event_stream()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        using var browser = portal.Factory.CreateBrowser();

        var error = await Should.ThrowAsync<HttpRequestException>(ConnectAsync(portal, browser));

        error.StatusCode.ShouldBe(System.Net.HttpStatusCode.Unauthorized);
        using var stream = await browser.GetAsync($"/projects/{portal.Factory.ProjectId}/runs/{runId}/events", HttpCompletionOption.ResponseHeadersRead, Cancel);
        stream.IsSuccessStatusCode.ShouldBeFalse();
    }

    [Fact]
    public async Task The_event_stream_tells_the_same_and_goes_on_after_the_last_event_id()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);
        await portal.Factory.AddTeamAsync("stranger@example.com");
        using var owner = await portal.Factory.CreateClientAsync();
        using var stranger = await portal.Factory.CreateClientAsync("stranger@example.com");
        var address = $"/projects/{portal.Factory.ProjectId}/runs/{runId}/events";

        using var refused = await stranger.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, Cancel);
        refused.StatusCode.ShouldBe(System.Net.HttpStatusCode.NotFound);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Add("Last-Event-ID", "3");
        using var response = await owner.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancel));
        var data = "";
        while (!data.StartsWith("data:", StringComparison.Ordinal))
            data = (await reader.ReadLineAsync(Cancel)).ShouldNotBeNull();

        data.ShouldStartWith("data: [{\"sequence\":4,");
    }

    [Fact]
    public async Task One_connection_watches_a_few_runs_and_not_any_number()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);
        await using var hub = await ConnectAsync(portal, PortalFactory.OwnerEmail);
        using var end = new CancellationTokenSource();
        List<IAsyncEnumerator<List<RunEventMessage>>> streams = [];
        for (var i = 0; i < 16; i++)
        {
            streams.Add(hub.StreamAsync<List<RunEventMessage>>("Watch", runId, 0, end.Token).GetAsyncEnumerator(Cancel));
            (await streams[^1].MoveNextAsync()).ShouldBeTrue();
        }

        (await Should.ThrowAsync<HubException>(FirstAsync(hub, runId))).Message.ShouldContain("TooManyStreams");
        await end.CancelAsync();
    }

    private static async Task<List<RunEventMessage>> FirstAsync(HubConnection hub, Guid runId)
    {
        await foreach (var events in hub.StreamAsync<List<RunEventMessage>>("Watch", runId, 0, Cancel))
            return events;
        return [];
    }

    private static async Task<HubConnection> ConnectAsync(RunsPortal portal, string email) => await ConnectAsync(portal, await portal.Factory.CreateClientAsync(email));

    private static async Task<HubConnection> ConnectAsync(RunsPortal portal, HttpClient browser)
    {
        var hub = new HubConnectionBuilder()
            .WithUrl(new Uri(portal.Factory.Server.BaseAddress, RunEventsHub.Path), options =>
            {
                options.Transports = HttpTransportType.LongPolling;
                // Through the browser's own client: its cookies are what the hub goes by.
                options.HttpMessageHandlerFactory = _ => new ThroughBrowser(browser);
            })
            .Build();
        await hub.StartAsync(Cancel);
        return hub;
    }

    private sealed class ThroughBrowser(HttpClient browser) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // A message can be sent by one client only.
            using var copy = new HttpRequestMessage(request.Method, request.RequestUri);
            foreach (var (name, values) in request.Headers)
                copy.Headers.TryAddWithoutValidation(name, values);
            if (request.Content is not null)
            {
                copy.Content = new ByteArrayContent(await request.Content.ReadAsByteArrayAsync(cancellationToken));
                copy.Content.Headers.ContentType = request.Content.Headers.ContentType;
            }

            return await browser.SendAsync(copy, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
    }
}
