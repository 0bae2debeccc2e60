using Microsoft.Extensions.DependencyInjection;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Usage;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Usage;

public class UsageTests
{
    private const string Ask = "POST /v2/usage DescribeUsage";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_project_asks_its_own_platform_with_its_own_key_and_knows_its_keys_by_name()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var actor = await portal.ActorAsync();
        var key = await portal.Get<ApiKeyService>().CreateAsync(actor, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        platform.Answers[Ask] = _ => ScriptedPlatform.Json($$$"""
            {"requestId":"r","result":{"startDate":"2026-01-01","endDate":"2026-01-02",
            "usageList":[{"date":"2026-01-01","accessKey":"{{{key.AccessKey}}}","api":"V1","model":"m","serviceId":"","callTotal":3,"failureCallTotal":1,"inputTokensTotal":10,"outputTokensTotal":20,"cachedTokensTotal":0,"lastTime":"2026-01-01T00:00:00Z"}],
            "quotaList":[{"account":"team:x","tokensPerMonth":100,"tokensUsed":30,"concurrentRuns":null,"runningRuns":0,"storageBytes":null,"storageUsed":5}]}}
            """);

        var usage = await portal.Get<UsageReader>().ReadAsync(actor, portal.ProjectId, 30, Cancel);

        usage.KeyNames[key.AccessKey].ShouldBe("bot");
        usage.Report.QuotaList.Single().TokensPerMonth.ShouldBe(100);
        UsageTotal.By(usage.Report.UsageList, sum => sum.Api).ShouldBe([new UsageTotal("V1", 3, 1, 10, 20)]);
        usage.ToString().ShouldNotContain(key.SecretKey);
    }

    [Fact]
    public async Task Another_teams_usage_does_not_exist()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var (_, other) = await portal.AddTeamAsync("other@example.com");

        await Should.ThrowAsync<NotFoundException>(async () => await portal.Get<UsageReader>().ReadAsync(await portal.ActorAsync(), other, 30, Cancel));
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_platform_that_can_not_be_reached_is_said_so()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();

        var error = await Should.ThrowAsync<UserErrorException>(async () => await portal.Get<UsageReader>().ReadAsync(await portal.ActorAsync(), portal.ProjectId, 30, Cancel));

        error.Code.ShouldStartWith("Platform");
    }
}
