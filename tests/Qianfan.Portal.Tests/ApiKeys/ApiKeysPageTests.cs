using System.Security.Claims;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Tests.ApiKeys;

/// <summary>The page of keys: a key is made for what it is to do.</summary>
public sealed class ApiKeysPageTests : PortalComponents, IAsyncLifetime
{
    private readonly PortalFactory _portal = new();

    private static CancellationToken Cancel => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Services.AddSingleton(_portal.Get<ApiKeyService>());
        Services.AddSingleton(_portal.Get<IOptions<PortalOptions>>());
        var owner = await _portal.ActorAsync();
        var authorization = AddAuthorization();
        authorization.SetAuthorized(owner.Name);
        authorization.SetClaims(new Claim(ClaimTypes.NameIdentifier, owner.Id.ToString()!));
    }

    [Theory]
    [InlineData("Full", "Full")]
    [InlineData("ReadOnly", "Read and call")]
    [InlineData("Inference", "Call only")]
    public async Task What_a_key_may_do_is_chosen_and_shown(string choice, string shown)
    {
        var owner = await _portal.ActorAsync();
        var project = new ProjectContext(_portal.ProjectId, "project", _portal.TeamId, "team", TeamRole.Owner);
        var page = RenderWithProviders(builder =>
        {
            builder.OpenComponent<CascadingValue<ProjectContext>>(0);
            builder.AddComponentParameter(1, "Value", project);
            builder.AddComponentParameter(2, "ChildContent", (RenderFragment)(inner =>
            {
                inner.OpenComponent<ApiKeysPage>(0);
                inner.AddComponentParameter(1, "ProjectId", _portal.ProjectId);
                inner.CloseComponent();
            }));
            builder.CloseComponent();
        });
        page.WaitForAssertion(() => page.FindAll("[data-testid=create-key]").ShouldNotBeEmpty());
        // Ends with the dialog.
        var creating = page.FindAll("[data-testid=create-key]")[0].ClickAsync(new());
        page.WaitForAssertion(() => page.FindAll("[data-testid^=access-]").Count.ShouldBe(3));
        await page.Find("input[data-testid=name]").InputAsync("bot");
        await page.Find($"input[data-testid=access-{choice}]").ClickAsync(new());
        page.WaitForAssertion(() => page.Find("[data-testid=save]").HasAttribute("disabled").ShouldBeFalse());
        await page.Find("[data-testid=save]").ClickAsync(new());
        page.WaitForAssertion(() => page.FindAll("[data-testid=close]").ShouldNotBeEmpty());
        await page.Find("[data-testid=close]").ClickAsync(new());
        await creating;

        page.WaitForAssertion(() => page.Find("[data-testid=key-access]").TextContent.ShouldBe(shown));
        ApiKeyScopes.Name((await _portal.Get<ApiKeyService>().ListAsync(owner, _portal.ProjectId, Cancel)).Single().Scopes).ShouldBe(choice);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await base.DisposeAsync();
        await _portal.DisposeAsync();
    }
}
