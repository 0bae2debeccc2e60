using System.Security.Claims;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Usage;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;
using Qianfan.Portal.Tests.Models;

namespace Qianfan.Portal.Tests;

/// <summary>For tests of pages: a real portal with a dataset, a model and a service, the real services behind the pages, and a platform that a test scripts. Pages that look again wait for <see cref="Time"/>.</summary>
public abstract class PortalPages : PortalComponents, IAsyncLifetime
{
    protected ScriptedPlatform Platform { get; } = new();

    protected FakeTimeProvider Time { get; } = new(TimeProvider.System.GetUtcNow());

    protected PortalFactory Portal { get; private set; } = null!;

    protected Published Published { get; private set; } = null!;

    protected static CancellationToken Cancel => Xunit.TestContext.Current.CancellationToken;

    /// <summary>Where the browser is.</summary>
    protected string Address => Services.GetRequiredService<NavigationManager>().Uri;

    public async ValueTask InitializeAsync()
    {
        Portal = Platform.CreatePortal();
        Published = await Published.AddAsync(Portal);
        Services.AddSingleton<TimeProvider>(Time);
        Services.AddSingleton(Portal.Get<DatasetService>());
        Services.AddSingleton(Portal.Get<DatasetUploads>());
        Services.AddSingleton(Portal.Get<ModelService>());
        Services.AddSingleton(Portal.Get<ModelExports>());
        Services.AddSingleton(Portal.Get<RunService>());
        Services.AddSingleton(Portal.Get<ServiceDirectory>());
        Services.AddSingleton(Portal.Get<ConsoleService>());
        Services.AddSingleton(Portal.Get<UsageReader>());
        Services.AddSingleton(Portal.Get<QuotaService>());
        Services.AddSingleton<AntiforgeryStateProvider, FixedToken>();
    }

    /// <summary>Uses the pages as somebody.</summary>
    protected void SignIn(Actor actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var authorization = AddAuthorization();
        authorization.SetAuthorized(actor.Name);
        authorization.SetClaims(new Claim(ClaimTypes.NameIdentifier, actor.Id.ToString()!));
    }

    /// <summary>Uses the pages as the owner of the team.</summary>
    protected async Task SignInAsync() => SignIn(await Portal.ActorAsync());

    /// <summary>Opens a page of the project.</summary>
    protected IRenderedComponent<IComponent> Show<TPage>(params (string Name, object Value)[] parameters) where TPage : IComponent =>
        Open<TPage>([("ProjectId", Portal.ProjectId), .. parameters]);

    /// <summary>Opens a page.</summary>
    protected IRenderedComponent<IComponent> Open<TPage>(params (string Name, object Value)[] parameters) where TPage : IComponent =>
        RenderWithProviders(builder =>
        {
            builder.OpenComponent<TPage>(0);
            foreach (var (name, value) in parameters)
                builder.AddAttribute(1, name, value);
            builder.CloseComponent();
        });

    /// <summary>Presses a button that asks something, answers, and waits until the page has done what follows.</summary>
    /// <param name="page">The page.</param>
    /// <param name="button">The button's test id.</param>
    /// <param name="answer">Answers the dialog.</param>
    protected static async Task AskedAsync(IRenderedComponent<IComponent> page, string button, Func<Task> answer)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(answer);
        // The click has been dealt with when the dialog is answered.
        var dealing = page.WaitForElement($"[data-testid={button}]:not([disabled])").ClickAsync();
        page.WaitForElement(".mud-dialog-actions");
        await answer();
        await dealing;
        page.WaitForAssertion(() => page.FindAll(".mud-dialog").ShouldBeEmpty());
    }

    /// <summary>Presses a button that asks something, and says yes.</summary>
    protected static Task ConfirmedAsync(IRenderedComponent<IComponent> page, string button) => AskedAsync(page, button, () => page.Find("[data-testid=confirm]").ClickAsync());

    /// <summary>Presses a button that asks something, and thinks better of it.</summary>
    protected static Task CancelledAsync(IRenderedComponent<IComponent> page, string button) => AskedAsync(page, button, () => page.Find(".mud-dialog-actions button").ClickAsync());

    /// <summary>Makes the project's connection one to Baidu's cloud.</summary>
    protected async Task MoveToCloudAsync()
    {
        await using var db = Portal.Db();
        await db.Connections.ExecuteUpdateAsync(c => c.SetProperty(x => x.Kind, ConnectionKind.Cloud), Cancel);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await base.DisposeAsync();
        await Portal.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private sealed class FixedToken : AntiforgeryStateProvider
    {
        public override AntiforgeryRequestToken? GetAntiforgeryToken() => new("token", "__RequestVerificationToken");
    }
}
