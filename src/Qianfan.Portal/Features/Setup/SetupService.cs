using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Setup;

/// <summary>What the first admin, team and project are called.</summary>
/// <param name="Email">Address that the admin signs in with.</param>
/// <param name="DisplayName">Name of the admin; the address if empty.</param>
/// <param name="Password">Password of the admin.</param>
/// <param name="Team">Name of the team.</param>
/// <param name="Project">Name of the project.</param>
/// <param name="AccessKey">A key pair for the project that somebody chose beforehand; both or neither.</param>
/// <param name="SecretKey">See <paramref name="AccessKey"/>.</param>
public sealed record SetupRequest(string Email, string DisplayName, string Password, string Team, string Project, string AccessKey = "", string SecretKey = "");

/// <summary>Fills an empty database with the first admin, team and project. Thread-safe; once per process at a time.</summary>
public sealed class SetupService(IServiceScopeFactory scopes, TimeProvider time, AuditLog audit, ProjectCreator projects) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Sets the portal up, all of it or nothing.</summary>
    /// <returns>Id of the project.</returns>
    /// <exception cref="AccountException">The address or the password won't do.</exception>
    /// <exception cref="UserErrorException"><c>SetupDone</c>: somebody was faster; or a name won't do.</exception>
    public async Task<Guid> RunAsync(SetupRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        await _one.WaitAsync(cancellationToken);
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            if (await db.Users.AnyAsync(cancellationToken))
                throw new UserErrorException("SetupDone");

            var roles = scope.ServiceProvider.GetRequiredService<RoleManager<IdentityRole<Guid>>>();
            (await roles.CreateAsync(new IdentityRole<Guid>(SystemRoles.Admin) { Id = Guid.CreateVersion7() })).ThrowIfFailed();
            var users = scope.ServiceProvider.GetRequiredService<UserManager<PortalUser>>();
            var user = PortalUsers.New(request.Email, request.DisplayName, time.GetUtcNow());
            (await users.CreateAsync(user, request.Password)).ThrowIfFailed();
            (await users.AddToRoleAsync(user, SystemRoles.Admin)).ThrowIfFailed();

            var actor = new Actor(ActorKind.User, user.Id, user.UserName!, IsAdmin: true);
            var team = new Team { Name = Names.Require(request.Team), CreatedAt = time.GetUtcNow() };
            team.Memberships.Add(new Membership { UserId = user.Id, Role = TeamRole.Owner, JoinedAt = time.GetUtcNow() });
            db.Teams.Add(team);
            audit.Add(db, actor, AuditActions.SetupDone, (user.Id, user.UserName!));
            audit.Add(db, actor, AuditActions.UserCreated, (user.Id, user.UserName!));
            audit.Add(db, actor, AuditActions.TeamCreated, (team.Id, team.Name), team.Id);
            var project = projects.Add(db, actor, team.Id, request.Project);
            if (request.AccessKey.Length > 0)
                projects.AddKey(db, actor, project, "bootstrap", request.AccessKey, request.SecretKey);
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return project.Id;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();
}
