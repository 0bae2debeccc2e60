using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform;
using Qianfan.Portal.Features.ApiKeys;
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

        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", readOnly: false, Cancel);

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
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", readOnly: true, Cancel);
        (await keys.FindAsync(key.AccessKey, Cancel))!.ReadOnly.ShouldBeTrue();

        await keys.RevokeAsync(owner, portal.ProjectId, key.Id, Cancel);

        (await keys.FindAsync(key.AccessKey, Cancel)).ShouldBeNull();
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().RevokedAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_revocation_by_another_node_is_noticed_within_ten_seconds()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var keys = portal.Get<ApiKeyService>();
        var key = await keys.CreateAsync(await portal.ActorAsync(), portal.ProjectId, "bot", readOnly: false, Cancel);
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
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", readOnly: false, Cancel);

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
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", readOnly: false, Cancel);
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
        var key = await keys.CreateAsync(owner, portal.ProjectId, "bot", readOnly: false, Cancel);
        using var client = portal.CreateClient();

        (await AskAsync("wrong")).ShouldBe(System.Net.HttpStatusCode.Unauthorized);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().LastUsedAt.ShouldBeNull();
        (await AskAsync(key.SecretKey)).ShouldBe(System.Net.HttpStatusCode.OK);
        (await keys.ListAsync(owner, portal.ProjectId, Cancel)).Single().Uses.All.Single().Api.ShouldBe("OpenAI");

        async Task<System.Net.HttpStatusCode> AskAsync(string secret)
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
