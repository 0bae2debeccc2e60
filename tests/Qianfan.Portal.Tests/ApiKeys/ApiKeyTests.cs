using System.Net;
using System.Net.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.ApiKeys;

public class ApiKeyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_secret_is_shown_once_and_stands_nowhere_in_the_clear()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();

        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);

        key.AccessKey.ShouldStartWith("ALTAK");
        key.AccessKey.Length.ShouldBe(25);
        key.SecretKey.Length.ShouldBe(32);
        key.BearerToken.ShouldBe($"bce-v3/{key.AccessKey}/{key.SecretKey}");
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().ToString().ShouldNotContain(key.SecretKey);
        portal.Logs.Lines.ShouldNotContain(line => line.Contains(key.SecretKey, StringComparison.Ordinal));
        // SQLite takes its log away with the last connection, in the middle of the reading perhaps: this one stays.
        await using var db = portal.Db();
        await db.Database.OpenConnectionAsync(Cancel);
        (await db.ApiKeys.CountAsync(Cancel)).ShouldBe(2);
        foreach (var file in Directory.EnumerateFiles(portal.Get<Qianfan.Portal.Hosting.DataDirectory>().FullPath, "portal.db*"))
            (await ReadAsync(file)).ShouldNotContain(key.SecretKey);
    }

    [Fact]
    public async Task The_portals_own_key_is_neither_listed_nor_revoked_nor_deleted()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        await using var db = portal.Db();
        var hidden = await db.ApiKeys.SingleAsync(Cancel);

        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).ShouldBeEmpty();
        await Should.ThrowAsync<NotFoundException>(() => keys.RevokeAsync(owner, portal.ProjectId, hidden.Id, Cancel));
        await Should.ThrowAsync<NotFoundException>(() => keys.DeleteAsync(owner, portal.ProjectId, hidden.Id, Cancel));
        (await keys.FindAsync(hidden.AccessKey, Cancel)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_revoked_key_is_refused_at_once()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.ReadOnly, Cancel);
        (await keys.FindAsync(key.AccessKey, Cancel))!.Scopes.ShouldBe(ApiKeyScopes.ReadOnly);

        await keys.RevokeAsync(owner, portal.ProjectId, key.Id, Cancel);

        (await keys.FindAsync(key.AccessKey, Cancel)).ShouldBeNull();
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().RevokedAt.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(ApiKeyScopes.Full, HttpStatusCode.OK, HttpStatusCode.OK)]
    [InlineData(ApiKeyScopes.ReadOnly, HttpStatusCode.OK, HttpStatusCode.Forbidden)]
    [InlineData(ApiKeyScopes.Inference, HttpStatusCode.Forbidden, HttpStatusCode.Forbidden)]
    public async Task A_key_may_do_what_was_chosen_for_it_and_the_audit_log_says_so(KeyScopes scopes, HttpStatusCode reading, HttpStatusCode writing)
    {
        await using var portal = new PortalFactory { Roles = "portal,platform" };
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", scopes, Cancel);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().Scopes.ShouldBe(scopes);
        using var client = portal.CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", key.BearerToken);

        (await AskAsync(HttpMethod.Get, "/v1/models")).ShouldBe(HttpStatusCode.OK);
        (await AskAsync(HttpMethod.Get, "/v1/files")).ShouldBe(reading);
        (await AskAsync(HttpMethod.Post, "/v2/model?Action=CreateCustomModelSet")).ShouldBe(writing);

        var entry = (await portal.Get<AuditService>().ListProjectAsync(owner, portal.ProjectId, new AuditFilter(), 0, 1, Cancel)).Rows.Single();
        portal.Get<AuditSentences>().Of(entry).ShouldBe($"created the API key bot ({key.AccessKey}, scopes: {scopes})");

        async Task<HttpStatusCode> AskAsync(HttpMethod method, string path)
        {
            using var request = new HttpRequestMessage(method, path);
            if (method == HttpMethod.Post) request.Content = JsonContent.Create(new { modelSetName = "answers" });
            using var response = await client.SendAsync(request, Cancel);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task A_key_that_may_do_something_else_is_not_made()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        foreach (var scopes in new[] { KeyScopes.None, KeyScopes.Write, (KeyScopes)8 })
            await Should.ThrowAsync<ArgumentOutOfRangeException>(() => portal.Get<ApiKeyService>().CreateAsync(owner, portal.ProjectId, "bot", scopes, Cancel));
    }

    [Fact]
    public async Task A_revocation_by_another_node_is_noticed_within_ten_seconds()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(await portal.ActorAsync(), portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        (await keys.FindAsync(key.AccessKey, Cancel)).ShouldNotBeNull();
        await using var db = portal.Db();
        await db.ApiKeys.Where(k => k.Id == key.Id).ExecuteUpdateAsync(set => set.SetProperty(k => k.RevokedAt, time.GetUtcNow()), Cancel);

        time.Advance(TimeSpan.FromSeconds(10));

        (await keys.FindAsync(key.AccessKey, Cancel)).ShouldBeNull();
    }

    [Fact]
    public async Task The_last_use_is_written_at_most_once_a_minute()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);

        await keys.NoteUseAsync(key.AccessKey, ApiGeneration.V2, Cancel);
        var first = (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().LastUsedAt;
        time.Advance(TimeSpan.FromSeconds(59));
        await keys.NoteUseAsync(key.AccessKey, ApiGeneration.V2, Cancel);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().LastUsedAt.ShouldBe(first);
        time.Advance(TimeSpan.FromSeconds(1));
        await keys.NoteUseAsync(key.AccessKey, ApiGeneration.V2, Cancel);

        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().LastUsedAt.ShouldBe(time.GetUtcNow());
    }

    [Fact]
    public async Task A_key_shows_which_generations_of_apis_it_calls()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().Uses.All.ShouldBeEmpty();

        var old = time.GetUtcNow();
        await keys.NoteUseAsync(key.AccessKey, ApiGeneration.V1, Cancel);
        time.Advance(TimeSpan.FromDays(1));
        await keys.NoteUseAsync(key.AccessKey, ApiGeneration.OpenAI, Cancel);

        var row = (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single();
        row.Uses.All.ShouldBe([("V1", old), ("OpenAI", time.GetUtcNow())]);
        row.LastUsedAt.ShouldBe(time.GetUtcNow());
    }

    [Fact]
    public async Task Only_a_key_that_was_checked_counts_as_used()
    {
        await using var portal = new PortalFactory { Roles = "portal,platform" };
        var owner = await portal.ActorAsync();
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        using var client = portal.CreateClient();

        (await AskAsync("wrong")).ShouldBe(HttpStatusCode.Unauthorized);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().LastUsedAt.ShouldBeNull();
        (await AskAsync(key.SecretKey)).ShouldBe(HttpStatusCode.OK);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().Uses.All.Single().Api.ShouldBe("OpenAI");

        async Task<HttpStatusCode> AskAsync(string secret)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            request.Headers.Authorization = new("Bearer", $"bce-v3/{key.AccessKey}/{secret}");
            using var response = await client.SendAsync(request, Cancel);
            return response.StatusCode;
        }
    }

    private static async Task<string> ReadAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        return await reader.ReadToEndAsync(Cancel);
    }
}
