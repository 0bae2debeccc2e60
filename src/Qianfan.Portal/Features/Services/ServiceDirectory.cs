using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Services;

/// <summary>A service as lists and pages show it.</summary>
/// <param name="Id">The service.</param>
/// <param name="Name">Its name.</param>
/// <param name="Endpoint">What callers give as <c>model</c>.</param>
/// <param name="Type">A name of <c>ServiceType</c>.</param>
/// <param name="PlatformId">Its id on the platform.</param>
/// <param name="Connection">Name of the connection.</param>
/// <param name="ConnectionKind">Which platform it is on.</param>
/// <param name="BaseUrl">Address that callers of its platform start with.</param>
/// <param name="ModelSetId">The model set that answers.</param>
/// <param name="ModelName">Name of that set.</param>
/// <param name="VersionNumber">The version that answers.</param>
/// <param name="BaseModel">What that version was trained from.</param>
/// <param name="RunId">The run that deployed it, if it still exists.</param>
/// <param name="CreatedAt">When it was deployed.</param>
public sealed record ServiceInfo(
    Guid Id,
    string Name,
    string Endpoint,
    string Type,
    string PlatformId,
    string Connection,
    ConnectionKind ConnectionKind,
    string BaseUrl,
    Guid ModelSetId,
    string ModelName,
    int VersionNumber,
    string BaseModel,
    Guid? RunId,
    DateTimeOffset CreatedAt)
{
    /// <summary>The version that answers, as its platform calls it: <c>amv-...</c>.</summary>
    public string VersionPlatformId { get; init; } = "";

    /// <summary>Whether it goes on with a text in place of answering in a conversation.</summary>
    public bool Completes => Type == nameof(ServiceType.Completion);

    /// <summary>Where it is asked, without the platform's address.</summary>
    public string Route => Completes ? "/v2/completions" : "/v2/chat/completions";

    /// <summary>Whether its platform can scale, stop, start, roll back and delete services; Baidu's has no API for it.</summary>
    public bool CanControl => ConnectionKind is not ConnectionKind.Cloud;

    /// <summary>Whether the same platform answers with the base model too.</summary>
    public bool HasBase => ConnectionKind is not ConnectionKind.Cloud && BaseModel.Length > 0;
}

/// <summary>Services of a project.</summary>
public sealed record ServiceList(IReadOnlyList<ServiceInfo> Services, bool MayEdit);

/// <summary>One service.</summary>
public sealed record ServiceDetails(ServiceInfo Service, bool MayEdit)
{
    /// <summary>Versions of the model that answers, the newest first.</summary>
    public IReadOnlyList<ServiceVersion> Versions { get; init; } = [];
}

/// <summary>A version that a service can serve.</summary>
/// <param name="Id">The version.</param>
/// <param name="Number">Its number.</param>
/// <param name="PlatformId">Its platform's own id, <c>amv-...</c>.</param>
public sealed record ServiceVersion(Guid Id, int Number, string PlatformId);

/// <summary>What the platform says about a service right now.</summary>
/// <param name="Status">Its status; null when the platform didn't answer.</param>
/// <param name="Message">Why it failed, in the platform's words.</param>
/// <param name="Error">Why the platform could not be asked; null when it answered.</param>
public sealed record ServiceState(ServiceRunStatus? Status, string? Message, UserErrorException? Error)
{
    /// <summary>All that it tells; null when it didn't answer.</summary>
    public ServiceDescription? Description { get; init; }

    /// <summary>What the service was asked lately; null where its platform doesn't tell, or wasn't asked for that.</summary>
    public ServiceMetric? Metric { get; init; }
}

/// <summary>Reads services and changes what they serve and with how much; runs deploy them. Thread-safe.</summary>
public sealed class ServiceDirectory(IDbContextFactory<PortalDbContext> contexts, PlatformClients clients, AuditLog audit, IOptions<PortalOptions> options, TimeProvider time)
{
    private const string CloudAddress = "https://qianfan.baidubce.com";

    /// <summary>The project's services, newest first.</summary>
    public async Task<ServiceList> ListAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var services = await Find(db, actor, projectId).OrderByDescending(s => s.CreatedAt).ToListAsync(cancellationToken);
        return new ServiceList([.. services.Select(Describe)], role.Allows(Permission.EditServices));
    }

    /// <summary>One service.</summary>
    /// <exception cref="NotFoundException">There is none, or it is another team's.</exception>
    public async Task<ServiceDetails> GetAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (_, role) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var service = await Find(db, actor, projectId).SingleOrDefaultAsync(s => s.Id == serviceId, cancellationToken) ?? throw new NotFoundException("service");
        var versions = await db.ModelVersions.AsNoTracking().VisibleTo(actor).Where(v => v.ModelSetId == service.ModelVersion.ModelSetId)
            .OrderByDescending(v => v.Number).Select(v => new ServiceVersion(v.Id, v.Number, v.PlatformId)).ToListAsync(cancellationToken);
        return new ServiceDetails(Describe(service), role.Allows(Permission.EditServices)) { Versions = versions };
    }

    /// <summary>Asks the platforms how services are; those that can't be asked carry the reason.</summary>
    /// <param name="actor">Who asks.</param>
    /// <param name="projectId">Whose services.</param>
    /// <param name="serviceId">One service; null for all.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public async Task<IReadOnlyDictionary<Guid, ServiceState>> StatesAsync(Actor actor, Guid projectId, Guid? serviceId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var services = await db.Services.AsNoTracking().VisibleTo(actor)
            .Where(s => s.ProjectId == projectId && (serviceId == null || s.Id == serviceId))
            .Select(s => new { s.Id, s.ConnectionId, s.PlatformId })
            .ToListAsync(cancellationToken);
        var states = new System.Collections.Concurrent.ConcurrentDictionary<Guid, ServiceState>();
        await Parallel.ForEachAsync(services, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (service, token) =>
            states[service.Id] = await StateAsync(service.ConnectionId, service.PlatformId, token));
        return states;
    }

    /// <summary>Asks the platform all about one service: how it is, and what it was asked lately.</summary>
    /// <param name="actor">Who asks.</param>
    /// <param name="projectId">Whose service.</param>
    /// <param name="serviceId">The service.</param>
    /// <param name="window">How far back metrics go.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="NotFoundException">There is none, or it is another team's.</exception>
    public async Task<ServiceState> LookAsync(Actor actor, Guid projectId, Guid serviceId, TimeSpan window, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var service = await Find(db, actor, projectId).SingleOrDefaultAsync(s => s.Id == serviceId, cancellationToken) ?? throw new NotFoundException("service");
        var state = await StateAsync(service.ConnectionId, service.PlatformId, cancellationToken);
        if (state.Description is not { } described)
            return state;
        await FollowAsync(db, service, described, cancellationToken);
        return service.Connection.Kind is ConnectionKind.Cloud ? state : state with { Metric = await MetricAsync(service, window, cancellationToken) };
    }

    /// <summary>Lets more or fewer requests be answered at once.</summary>
    /// <exception cref="UserErrorException">The platform refuses.</exception>
    public Task ScaleAsync(Actor actor, Guid projectId, Guid serviceId, int replicas, CancellationToken cancellationToken) =>
        ControlAsync(actor, projectId, serviceId, AuditActions.ServiceScaled, new() { ["to"] = replicas.ToString(CultureInfo.InvariantCulture) }, async (client, id) =>
        {
            var described = await client.Services.DescribeAsync(id, cancellationToken);
            var resources = (described.ResourceConfig ?? new ServiceResourceConfig()) with { ReplicasCount = replicas };
            await client.Services.ModifyAsync(new ModifyServiceRequest { ServiceId = id, ResourceConfig = resources }, cancellationToken);
        }, cancellationToken);

    /// <summary>Has another version of the same project and platform answer; the one before goes on until it is loaded.</summary>
    /// <exception cref="UserErrorException">The platform refuses.</exception>
    /// <exception cref="NotFoundException">There is no such service or version, or it is another team's.</exception>
    public async Task SwitchAsync(Actor actor, Guid projectId, Guid serviceId, Guid versionId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, service) = await ForChangeAsync(db, actor, projectId, serviceId, cancellationToken);
        var version = await db.ModelVersions.VisibleTo(actor).Include(v => v.ModelSet)
            .SingleOrDefaultAsync(v => v.Id == versionId && v.ProjectId == projectId && v.ModelSet.ConnectionId == service.ConnectionId, cancellationToken) ?? throw new NotFoundException("model");
        var client = await clients.ForAsync(service.ConnectionId, cancellationToken);
        var request = new ModifyServiceRequest { ServiceId = service.PlatformId, ModelSetId = version.ModelSet.PlatformId, ModelId = version.PlatformId };
        await PlatformErrors.TranslateAsync(() => client.Services.ModifyAsync(request, cancellationToken));
        service.ModelVersionId = version.Id;
        audit.Add(db, actor, AuditActions.ServiceSwitched, (service.Id, service.Name), teamId, projectId, Named(version));
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Has the version answer again that did before.</summary>
    /// <exception cref="UserErrorException">The platform refuses: there is none.</exception>
    public async Task RollbackAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, service) = await ForChangeAsync(db, actor, projectId, serviceId, cancellationToken);
        if (service.Connection.Kind is ConnectionKind.Cloud)
            throw new UserErrorException("CloudServiceControl");
        var client = await clients.ForAsync(service.ConnectionId, cancellationToken);
        var back = await PlatformErrors.TranslateAsync(() => client.Services.RollbackAsync(service.PlatformId, cancellationToken));
        var version = await OnPlatform(db, service, back.ModelVersionId).Include(v => v.ModelSet).FirstOrDefaultAsync(cancellationToken);
        if (version is not null)
            service.ModelVersionId = version.Id;
        var parameters = version is null ? new Dictionary<string, string> { ["to"] = back.ModelVersionId } : Named(version);
        audit.Add(db, actor, AuditActions.ServiceRolledBack, (service.Id, service.Name), teamId, projectId, parameters);
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Takes a service out of service; it keeps its endpoint.</summary>
    public Task StopAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken) =>
        ControlAsync(actor, projectId, serviceId, AuditActions.ServiceStopped, null, (client, id) => client.Services.StopAsync(id, cancellationToken), cancellationToken);

    /// <summary>Puts a stopped service back into service.</summary>
    public Task StartAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken) =>
        ControlAsync(actor, projectId, serviceId, AuditActions.ServiceStarted, null, (client, id) => client.Services.StartAsync(id, cancellationToken), cancellationToken);

    /// <summary>Deletes a service here and on its platform. On Baidu's cloud, whose API can't, it is only taken off the portal's list: it goes on there until it is taken down in Baidu's console.</summary>
    /// <exception cref="UserErrorException">The platform refuses.</exception>
    public async Task DeleteAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, service) = await ForChangeAsync(db, actor, projectId, serviceId, cancellationToken);
        if (service.Connection.Kind is not ConnectionKind.Cloud)
        {
            var client = await clients.ForAsync(service.ConnectionId, cancellationToken);
            try
            {
                await client.Services.DeleteAsync(service.PlatformId, cancellationToken);
            }
            catch (QianfanException error)
            {
                // Gone already is as good.
                if (!error.IsNotFound())
                    throw PlatformErrors.Translate(error);
            }
        }

        db.Services.Remove(service);
        audit.Add(db, actor, AuditActions.ServiceDeleted, (service.Id, service.Name), teamId, projectId);
        await db.SaveChangesAsync(cancellationToken);
    }

    private async Task ControlAsync(Actor actor, Guid projectId, Guid serviceId, string action, Dictionary<string, string>? parameters, Func<QianfanClient, string, Task> change, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, service) = await ForChangeAsync(db, actor, projectId, serviceId, cancellationToken);
        if (service.Connection.Kind is ConnectionKind.Cloud)
            throw new UserErrorException("CloudServiceControl");
        var client = await clients.ForAsync(service.ConnectionId, cancellationToken);
        await PlatformErrors.TranslateAsync(() => change(client, service.PlatformId));
        audit.Add(db, actor, action, (service.Id, service.Name), teamId, projectId, parameters);
        await db.SaveChangesAsync(cancellationToken);
    }

    private async Task<ServiceState> StateAsync(Guid connectionId, string platformId, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        try
        {
            var described = await client.Services.DescribeAsync(platformId, cancellationToken);
            return new ServiceState(described.RunStatus, described.Message, null) { Description = described };
        }
        catch (QianfanException error)
        {
            return new ServiceState(null, null, error.IsNotFound() ? new UserErrorException("ServiceGone") : PlatformErrors.Translate(error));
        }
    }

    private async Task<ServiceMetric?> MetricAsync(Service service, TimeSpan window, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(service.ConnectionId, cancellationToken);
        var now = time.GetUtcNow();
        try
        {
            var request = new DescribeServiceMetricRequest { StartTime = Iso(now - window), EndTime = Iso(now.AddSeconds(1)), ServiceId = [service.PlatformId] };
            return (await client.Services.DescribeMetricAsync(request, cancellationToken)).ServiceList is [var told, ..] ? told : null;
        }
        catch (QianfanException)
        {
            // A platform of an older version doesn't tell: the page says so, and shows the rest.
            return null;
        }
    }

    /// <summary>Somebody else may have changed on the platform which version answers, or it didn't take the one it was told to.</summary>
    private static async Task FollowAsync(PortalDbContext db, Service service, ServiceDescription described, CancellationToken cancellationToken)
    {
        if (described is not { ModelVersionId: { } answering, NextModelVersionId: null } || answering == service.ModelVersion.PlatformId)
            return;
        var version = await OnPlatform(db, service, answering).Select(v => (Guid?)v.Id).FirstOrDefaultAsync(cancellationToken);
        if (version is { } id)
            await db.Services.Where(s => s.Id == service.Id && s.ModelVersionId == service.ModelVersionId).ExecuteUpdateAsync(set => set.SetProperty(s => s.ModelVersionId, id), cancellationToken);
    }

    private static IQueryable<ModelVersion> OnPlatform(PortalDbContext db, Service service, string platformId) =>
        db.ModelVersions.Where(v => v.ProjectId == service.ProjectId && v.PlatformId == platformId && v.ModelSet.ConnectionId == service.ConnectionId);

    private static Dictionary<string, string> Named(ModelVersion version) => new() { ["to"] = string.Create(CultureInfo.InvariantCulture, $"{version.ModelSet.Name} v{version.Number}") };

    private static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static async Task<(Guid TeamId, Service Service)> ForChangeAsync(PortalDbContext db, Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken)
    {
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditServices, cancellationToken);
        var service = await db.Services.VisibleTo(actor).Include(s => s.Connection)
            .SingleOrDefaultAsync(s => s.ProjectId == projectId && s.Id == serviceId, cancellationToken) ?? throw new NotFoundException("service");
        return (teamId, service);
    }

    private static IQueryable<Service> Find(PortalDbContext db, Actor actor, Guid projectId) =>
        db.Services.AsNoTracking().VisibleTo(actor).Where(s => s.ProjectId == projectId).Include(s => s.Connection).Include(s => s.ModelVersion.ModelSet);

    private ServiceInfo Describe(Service service) => new(
        service.Id,
        service.Name,
        service.Endpoint,
        service.ServiceType,
        service.PlatformId,
        service.Connection.Name,
        service.Connection.Kind,
        service.Connection.Kind is ConnectionKind.Embedded ? options.Value.PublicUrl : (service.Connection.ConsoleUrl ?? CloudAddress).TrimEnd('/'),
        service.ModelVersion.ModelSetId,
        service.ModelVersion.ModelSet.Name,
        service.ModelVersion.Number,
        service.ModelVersion.BaseModel,
        service.RunId,
        service.CreatedAt)
    {
        VersionPlatformId = service.ModelVersion.PlatformId,
    };
}
