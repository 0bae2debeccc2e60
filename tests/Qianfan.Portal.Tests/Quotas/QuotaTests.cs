using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Quotas;

public class QuotaTests
{
    private static readonly QuotaLimits Some = new(1000, 2, 3_000_000);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_project_has_its_own_quota_and_its_teams_which_all_of_its_projects_share()
    {
        await using var portal = new PortalFactory();
        var admin = await portal.ActorAsync();
        var quotas = portal.Get<QuotaService>();
        var second = await portal.Get<Features.Projects.ProjectService>().CreateAsync(admin, portal.TeamId, "Second", Cancel);
        (await quotas.FindAsync(portal.ProjectId.ToString(), Cancel)).ShouldAllBe(quota => quota.TokensPerMonth == null && quota.ConcurrentRuns == null && quota.StorageBytes == null);

        await quotas.SetAsync(admin, portal.TeamId, Some, Cancel);
        await quotas.SetAsync(admin, portal.ProjectId, new(10, null, null), Cancel);

        var found = await quotas.FindAsync(portal.ProjectId.ToString(), Cancel);
        found.Select(quota => (quota.Account, quota.TokensPerMonth, quota.ConcurrentRuns, quota.StorageBytes)).ShouldBe(
            [($"project:{portal.ProjectId}", 10L, null, null), ($"team:{portal.TeamId}", 1000L, 2, 3_000_000L)]);
        found[0].Owners.ShouldBe([portal.ProjectId.ToString()]);
        found[1].Owners.ShouldBe([portal.ProjectId.ToString(), second.ToString()], ignoreOrder: true);
        (await quotas.FindAsync(second.ToString(), Cancel)).Select(quota => quota.TokensPerMonth).ShouldBe([null, 1000L]);
        (await quotas.FindAsync(Guid.NewGuid().ToString(), Cancel)).ShouldBeEmpty();
        (await quotas.FindAsync("nobody", Cancel)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Admins_alone_set_them_and_the_audit_log_tells_the_team()
    {
        await using var portal = new PortalFactory();
        var admin = await portal.ActorAsync();
        var owner = await portal.AddUserAsync("second@example.com", TeamRole.Owner);
        var quotas = portal.Get<QuotaService>();

        await Should.ThrowAsync<ForbiddenException>(() => quotas.SetAsync(owner, portal.TeamId, Some, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => quotas.ListAsync(owner, Cancel));
        (await Should.ThrowAsync<UserErrorException>(() => quotas.SetAsync(admin, portal.TeamId, Some with { TokensPerMonth = -1 }, Cancel))).Code.ShouldBe("QuotaNegative");
        await Should.ThrowAsync<NotFoundException>(() => quotas.SetAsync(admin, Guid.NewGuid(), Some, Cancel));
        await using var db = portal.Db();
        (await db.Quotas.AnyAsync(Cancel)).ShouldBeFalse();

        await quotas.SetAsync(admin, portal.ProjectId, Some, Cancel);
        await quotas.SetAsync(admin, portal.ProjectId, Some with { ConcurrentRuns = null }, Cancel);

        (await quotas.ListAsync(admin, Cancel)).Select(row => (row.Team, row.Project, row.Limits)).ShouldBe(
            [("First team", null, new QuotaLimits(null, null, null)), ("First team", "First project", Some with { ConcurrentRuns = null })]);
        var entries = await db.AuditEntries.Where(entry => entry.Action == "quota.changed").OrderBy(entry => entry.Id).ToListAsync(Cancel);
        entries.Count.ShouldBe(2);
        entries.ShouldAllBe(entry => entry.TeamId == portal.TeamId && entry.ProjectId == portal.ProjectId && entry.SubjectName == "First project");
    }

    [Fact]
    public async Task A_change_by_another_node_is_noticed_within_ten_seconds()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var quotas = portal.Get<QuotaService>();
        await quotas.SetAsync(await portal.ActorAsync(), portal.ProjectId, Some, Cancel);
        (await quotas.FindAsync(portal.ProjectId.ToString(), Cancel))[0].TokensPerMonth.ShouldBe(1000);
        await using var db = portal.Db();
        await db.Quotas.ExecuteUpdateAsync(set => set.SetProperty(quota => quota.TokensPerMonth, 5), Cancel);
        (await quotas.FindAsync(portal.ProjectId.ToString(), Cancel))[0].TokensPerMonth.ShouldBe(1000);

        time.Advance(TimeSpan.FromSeconds(10));

        (await quotas.FindAsync(portal.ProjectId.ToString(), Cancel))[0].TokensPerMonth.ShouldBe(5);
    }

    [Fact]
    public async Task The_platform_keeps_to_them()
    {
        await using var portal = new PortalFactory
        {
            Roles = "portal,platform",
            ConfigureServices = services => services.Configure<PlatformOptions>(options => options.EngineDirectory = AppContext.BaseDirectory),
        };
        var admin = await portal.ActorAsync();
        var key = await portal.Get<ApiKeyService>().CreateAsync(admin, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        await portal.Get<QuotaService>().SetAsync(admin, portal.TeamId, new(5, null, 1000), Cancel);
        using var client = portal.CreateClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.BearerToken);

        using var chat = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = new[] { new { role = "user", content = "hi" } } }, Cancel);
        chat.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        (await chat.Content.ReadAsStringAsync(Cancel)).ShouldContain("insufficient_quota");
        using var file = new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" }, { new ByteArrayContent(new byte[1001]), "file", "rows.jsonl" } };
        using var upload = await client.PostAsync("/v1/files", file, Cancel);
        upload.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
    }
}
