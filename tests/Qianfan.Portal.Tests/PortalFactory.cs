using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests;

/// <summary>The real portal on a real SQLite file in a folder of its own, set up unattended. Its role is the portal's alone unless <see cref="Roles"/> says otherwise.</summary>
public partial class PortalFactory : WebApplicationFactory<Program>
{
    /// <summary>The owner of <see cref="TeamId"/>, and admin.</summary>
    public const string OwnerEmail = "owner@example.com";

    /// <summary>Everybody's password.</summary>
    public const string Password = "correct-horse-battery";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qianfan-portal-test-");
    private (Guid TeamId, Guid ProjectId)? _first;

    /// <summary>The setting <c>Roles</c>.</summary>
    public string Roles { get; init; } = "portal";

    /// <summary>Whether it is set up at start; false leaves the database empty.</summary>
    public bool Bootstrap { get; init; } = true;

    /// <summary>Further settings by their key, such as <c>Portal:LockoutAttempts</c>.</summary>
    public Dictionary<string, string> Settings { get; } = [];

    /// <summary>Replaces services, such as <see cref="TimeProvider"/>.</summary>
    public Action<IServiceCollection>? ConfigureServices { get; init; }

    /// <summary>All that was logged, down to Trace.</summary>
    public CapturedLogs Logs { get; } = new();

    /// <summary>The data folder.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The first team.</summary>
    public Guid TeamId => First.TeamId;

    /// <summary>The first team's project.</summary>
    public Guid ProjectId => First.ProjectId;

    private (Guid TeamId, Guid ProjectId) First
    {
        get
        {
            if (_first is null)
            {
                using var db = Db();
                var project = db.Projects.OrderBy(p => p.CreatedAt).First();
                _first = (project.TeamId, project.Id);
            }

            return _first.Value;
        }
    }

    /// <summary>A context of the portal's database; dispose it.</summary>
    public PortalDbContext Db() => Services.GetRequiredService<IDbContextFactory<PortalDbContext>>().CreateDbContext();

    /// <summary>A service of the portal.</summary>
    public T Get<T>() where T : notnull => Services.GetRequiredService<T>();

    /// <summary>The person behind an address, as services take them.</summary>
    public async Task<Actor> ActorAsync(string email = OwnerEmail)
    {
        await using var db = Db();
        var user = await db.Users.SingleAsync(u => u.Email == email, TestContext.Current.CancellationToken);
        var isAdmin = await db.UserRoles.AnyAsync(r => r.UserId == user.Id, TestContext.Current.CancellationToken);
        return new Actor(ActorKind.User, user.Id, email, isAdmin);
    }

    /// <summary>Makes an account, and a member of a team if a role is given.</summary>
    /// <param name="email">Its address.</param>
    /// <param name="role">Role in the team; null for no team.</param>
    /// <param name="teamId">The team; the first one if null.</param>
    public async Task<Actor> AddUserAsync(string email, TeamRole? role = null, Guid? teamId = null)
    {
        await using var scope = Services.CreateAsyncScope();
        var now = Get<TimeProvider>().GetUtcNow();
        var user = PortalUsers.New(email, "", now);
        (await scope.ServiceProvider.GetRequiredService<UserManager<PortalUser>>().CreateAsync(user, Password)).ThrowIfFailed();
        if (role is not null)
        {
            await using var db = Db();
            db.Memberships.Add(new Membership { TeamId = teamId ?? TeamId, UserId = user.Id, Role = role.Value, JoinedAt = now });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        return new Actor(ActorKind.User, user.Id, email);
    }

    /// <summary>Makes another team with an owner and a project.</summary>
    public async Task<(Guid TeamId, Guid ProjectId)> AddTeamAsync(string ownerEmail, string team = "Other team", string project = "Other project")
    {
        var owner = await AddUserAsync(ownerEmail);
        await using var db = Db();
        var now = Get<TimeProvider>().GetUtcNow();
        var added = new Team { Name = team, CreatedAt = now };
        added.Memberships.Add(new Membership { UserId = owner.UserId, Role = TeamRole.Owner, JoinedAt = now });
        db.Teams.Add(added);
        var addedProject = Get<ProjectCreator>().Add(db, owner, added.Id, project);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return (added.Id, addedProject.Id);
    }

    /// <summary>A browser without a login: keeps cookies, asks for pages, follows no redirect.</summary>
    public HttpClient CreateBrowser()
    {
        var client = CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false, HandleCookies = true });
        client.DefaultRequestHeaders.Add("Accept", "text/html");
        return client;
    }

    /// <summary>A browser that signed in with the real form.</summary>
    public async Task<HttpClient> CreateClientAsync(string email = OwnerEmail, string password = Password)
    {
        var client = CreateBrowser();
        using var response = await PostFormAsync(client, Urls.Login, new() { ["Input.Email"] = email, ["Input.Password"] = password });
        response.StatusCode.ShouldBe(HttpStatusCode.Redirect, $"{email} could not sign in");
        return client;
    }

    /// <summary>Opens a page without a circuit and posts its form, antiforgery token and handler name included.</summary>
    /// <param name="client">Whose browser.</param>
    /// <param name="url">The page.</param>
    /// <param name="fields">Names and values.</param>
    /// <param name="handler">Name of the form, if the page has several.</param>
    public static async Task<HttpResponseMessage> PostFormAsync(HttpClient client, string url, Dictionary<string, string> fields, string? handler = null)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var page = await client.GetAsync(url, cancellationToken);
        var html = await page.Content.ReadAsStringAsync(cancellationToken);
        page.StatusCode.ShouldBe(HttpStatusCode.OK, $"GET {url}");
        var form = new Dictionary<string, string>(fields)
        {
            ["_handler"] = handler ?? HandlerName().Match(html).Groups[1].Value,
            ["__RequestVerificationToken"] = AntiforgeryToken().Match(html).Groups[1].Value,
        };
        return await client.PostAsync(url, new FormUrlEncodedContent(form), cancellationToken);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Production");
        builder.UseSetting("Portal:DataDirectory", Folder.Length > 0 ? Folder : _folder.FullName);
        builder.UseSetting("Portal:PublicUrl", "http://localhost");
        builder.UseSetting("Roles", Roles);
        if (Bootstrap)
        {
            builder.UseSetting("Portal:Bootstrap:Email", OwnerEmail);
            builder.UseSetting("Portal:Bootstrap:Password", Password);
            builder.UseSetting("Portal:Bootstrap:Team", "First team");
            builder.UseSetting("Portal:Bootstrap:Project", "First project");
        }

        foreach (var (key, value) in Settings)
            builder.UseSetting(key, value);
        builder.ConfigureLogging(logging => logging.ClearProviders().AddProvider(Logs).AddFilter<CapturedLogs>(null, LogLevel.Trace));
        builder.ConfigureTestServices(services => ConfigureServices?.Invoke(services));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        SqliteConnection.ClearAllPools();
        _folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    [GeneratedRegex("name=\"_handler\" value=\"([^\"]+)\"")]
    private static partial Regex HandlerName();

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex AntiforgeryToken();
}
