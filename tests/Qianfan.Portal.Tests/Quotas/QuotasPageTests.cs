using System.Globalization;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Tests.Quotas;

/// <summary>The admins' page of quotas.</summary>
public sealed class QuotasPageTests : PortalPages
{
    [Fact]
    public async Task Limits_of_teams_and_projects_are_shown_set_and_taken_away()
    {
        await Portal.AddTeamAsync("other@example.com");
        var page = await ShowAsync();
        page.WaitForAssertion(() => Rows(page).ShouldBe(
        [
            "First team | all together | no limit | no limit | no limit", "First team | First project | no limit | no limit | no limit",
            "Other team | all together | no limit | no limit | no limit", "Other team | Other project | no limit | no limit | no limit",
        ]));

        await EditAsync(page, "First project", ("tokens", "1500000"), ("runs", "2"), ("storage", "3"));
        page.WaitForAssertion(() => Rows(page)[1].ShouldBe($"First team | First project | {1_500_000.ToString("N0", CultureInfo.CurrentCulture)} | 2 | 3 MB"));
        Rows(page)[0].ShouldBe("First team | all together | no limit | no limit | no limit");
        await using (var db = Portal.Db())
            (await db.Quotas.SingleAsync(Cancel)).ShouldSatisfyAllConditions(
                quota => quota.ProjectId.ShouldBe(Portal.ProjectId), quota => quota.TokensPerMonth.ShouldBe(1_500_000), quota => quota.ConcurrentRuns.ShouldBe(2), quota => quota.StorageBytes.ShouldBe(3 << 20));

        await EditAsync(page, "First project", ("tokens", ""), ("runs", "0"));
        page.WaitForAssertion(() => Rows(page)[1].ShouldBe("First team | First project | no limit | 0 | 3 MB"));
    }

    [Fact]
    public async Task The_dialog_begins_with_what_is_set_and_cancelling_keeps_it()
    {
        await Portal.Get<QuotaService>().SetAsync(await Portal.ActorAsync(), Portal.TeamId, new QuotaLimits(10, 3, 5 << 20), Cancel);
        var page = await ShowAsync();
        page.WaitForAssertion(() => Rows(page)[0].ShouldBe("First team | all together | 10 | 3 | 5 MB"));

        await EditAsync(page, "First team", "cancel", ("runs", "9"));

        page.WaitForAssertion(() => Rows(page)[0].ShouldBe("First team | all together | 10 | 3 | 5 MB"));
    }

    [Fact]
    public async Task Nobody_but_an_admin_sees_them()
    {
        await Portal.AddUserAsync("owner2@example.com", TeamRole.Owner);
        SignIn(await Portal.ActorAsync("owner2@example.com"));

        var page = Open<QuotasPage>();

        page.WaitForElement(".qf-empty");
        page.FindAll("table").ShouldBeEmpty();
    }

    private async Task<IRenderedComponent<IComponent>> ShowAsync()
    {
        await SignInAsync();
        return Open<QuotasPage>();
    }

    private static Task EditAsync(IRenderedComponent<IComponent> page, string what, params (string Field, string Value)[] values) => EditAsync(page, what, "save", values);

    private static async Task EditAsync(IRenderedComponent<IComponent> page, string what, string answer, params (string Field, string Value)[] values)
    {
        // The dialog has been dealt with when the table is read again.
        var editing = page.Find($"[aria-label='Quota of {what}']").ClickAsync();
        page.WaitForElement("[data-testid=save]");
        foreach (var (field, value) in values)
            await page.Find($"[data-testid={field}]").ChangeAsync(new ChangeEventArgs { Value = value });
        await page.Find(answer == "save" ? "[data-testid=save]" : ".mud-dialog-actions button").ClickAsync();
        await editing;
    }

    private static List<string> Rows(IRenderedComponent<IComponent> page) =>
        [.. page.FindAll("tbody tr").Select(row => string.Join(" | ", row.QuerySelectorAll("td").SkipLast(1).Select(cell => cell.TextContent.Trim())))];
}
