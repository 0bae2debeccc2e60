using AngleSharp.Dom;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Components;

public class SharedComponentTests : PortalComponents
{
    private static readonly ProjectContext Project = new(Guid.Parse("019dfe4c-0000-7000-8000-000000000001"), "Project", Guid.Empty, "Team", TeamRole.Owner);

    [Fact]
    public void Every_status_of_a_run_has_a_word_and_an_icon()
    {
        foreach (var status in Enum.GetValues<RunStatus>())
        {
            var chip = Render<StatusChip>(p => p.Add(c => c.Status, status));
            chip.Find(".qf-status svg").ShouldNotBeNull();
            chip.Find(".qf-status").TextContent.Trim().ShouldNotBeEmpty();
            chip.Find(".qf-status").GetAttribute("data-status").ShouldBe(status.ToString());
        }
    }

    [Fact]
    public void The_navigation_of_a_project_has_all_its_pages()
    {
        var nav = Render<NavMenu>(p => p.Add(n => n.Project, Project));

        nav.FindAll("a").Select(a => a.GetAttribute("href")).ShouldBe(
        [
            Urls.Project(Project.Id), Urls.Datasets(Project.Id), Urls.Runs(Project.Id), Urls.Models(Project.Id), Urls.Services(Project.Id),
            Urls.Console(Project.Id), Urls.ApiKeys(Project.Id), Urls.Connections(Project.Id), Urls.Usage(Project.Id), Urls.Audit(Project.Id),
        ]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Only_admins_see_the_administration(bool isAdmin)
    {
        var nav = Render<NavMenu>(p => p.Add(n => n.IsAdmin, isAdmin));

        nav.FindAll("a").Select(a => a.GetAttribute("href")).Contains(Urls.AdminUsers).ShouldBe(isAdmin);
    }

    [Theory]
    [InlineData("projects/019dfe4c-0000-7000-8000-000000000001/runs?x=1", true)]
    [InlineData("projects/019dfe4c-0000-7000-8000-000000000001", true)]
    [InlineData("projects/nonsense", false)]
    [InlineData("teams/019dfe4c-0000-7000-8000-000000000001", false)]
    [InlineData("", false)]
    public void The_project_is_read_from_the_address(string path, bool found) =>
        Shell.ProjectIdOf(path).ShouldBe(found ? Project.Id : null);

    [Fact]
    public async Task A_dangerous_delete_waits_for_the_typed_name()
    {
        var page = RenderWithProviders(_ => { });
        var dialogs = Services.GetRequiredService<IDialogService>();
        Task<bool>? asked = null;
        await page.InvokeAsync(() => { asked = dialogs.ConfirmAsync("Delete?", "It goes away.", "Delete", typedName: "Project"); });
        page.WaitForAssertion(() => page.Find("[data-testid=confirm]").HasAttribute("disabled").ShouldBeTrue());

        await page.Find("input").InputAsync(new ChangeEventArgs { Value = "project" });
        page.Find("[data-testid=confirm]").HasAttribute("disabled").ShouldBeTrue();
        await page.Find("input").InputAsync(new ChangeEventArgs { Value = "Project" });
        await page.Find("[data-testid=confirm]").ClickAsync(new());

        (await asked!).ShouldBeTrue();
    }

    [Fact]
    public void Errors_are_told_in_words_that_help()
    {
        Render<ErrorView>(p => p.Add(e => e.Error, new NotFoundException("run"))).Markup.ShouldContain("you have no access to it");
        Render<ErrorView>(p => p.Add(e => e.Error, new ForbiddenException(Permission.EditRuns))).Markup.ShouldContain("Ask an owner");
        Render<ErrorView>(p => p.Add(e => e.Error, new UserErrorException("NameTaken", "X"))).Markup.ShouldContain("There is one named \"X\"");
        Render<ErrorView>(p => p.Add(e => e.Error, null)).Markup.Trim().ShouldBeEmpty();
    }

    [Fact]
    public void A_value_to_copy_stands_in_the_button_that_copies_it()
    {
        var field = Render<CopyField>(p => p.Add(f => f.Value, "the value").Add(f => f.Label, "Key"));

        field.Find("button").GetAttribute("data-copy").ShouldBe("the value");
        field.Find("button").GetAttribute("aria-label").ShouldBe("Copy: Key");
    }
}
