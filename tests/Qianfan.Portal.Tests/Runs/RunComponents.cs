using System.Security.Claims;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Hosting;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>Components of runs with the real services on a real database; no job executes.</summary>
public abstract class RunComponents : PortalComponents, IAsyncLifetime
{
    private BunitAuthorizationContext _authorization = null!;

    protected RunsDatabase Database { get; private set; } = null!;
    internal ScriptedPlatform Platform { get; } = new();

    /// <summary>The script of the live view: what the page told it.</summary>
    protected BunitJSModuleInterop Script { get; private set; } = null!;
    protected static CancellationToken Cancel => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Database = await RunsDatabase.CreateAsync();
        Script = JSInterop.SetupModule("./shared/js/run-view.js");
        Script.Mode = JSRuntimeMode.Loose;
        Services.AddSingleton(Database.Contexts);
        Services.AddSingleton<IDbContextFactory<PortalDbContext>>(Database.Contexts);
        Services.AddSingleton(Database.Feed);
        Services.AddSingleton(Database.Store);
        Services.AddSingleton(Database.Secrets);
        Services.AddSingleton<IHostApplicationLifetime>(Database.Lifetime);
        Services.AddSingleton<AuditLog>();
        Services.AddSingleton<RunSignals>();
        Services.AddSingleton<PlatformClients>();
        Services.AddSingleton(new Roles(Portal: true, Platform: false, Trainer: false));
        Services.AddSingleton(Options.Create(new PortalOptions()));
        Services.AddSingleton<PipelineScheduler>();
        Services.AddSingleton<RunService>();
        Services.AddHttpClient(PlatformHosting.EmbeddedClient).ConfigurePrimaryHttpMessageHandler(() => Platform);
        _authorization = AddAuthorization();
        SignIn(Database.Ours);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await Database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Uses the components as a member of a team, or as its viewer.</summary>
    protected void SignIn(Tenant tenant, bool asViewer = false)
    {
        var actor = asViewer ? tenant.Viewer : tenant.Member;
        _authorization.SetAuthorized(actor.Name);
        _authorization.SetClaims(new Claim(ClaimTypes.NameIdentifier, actor.Id.ToString()!));
    }

    /// <summary>Renders as inside of the layout, in a project of ours.</summary>
    protected IRenderedComponent<IComponent> RenderInProject(RenderFragment content, TeamRole role = TeamRole.Member) => RenderWithProviders(builder =>
    {
        builder.OpenComponent<CascadingValue<ProjectContext>>(0);
        builder.AddComponentParameter(1, nameof(CascadingValue<>.Value), new ProjectContext(Database.Ours.ProjectId, "project", Guid.Empty, "ours", role));
        builder.AddComponentParameter(2, nameof(CascadingValue<>.ChildContent), content);
        builder.CloseComponent();
    });
}
