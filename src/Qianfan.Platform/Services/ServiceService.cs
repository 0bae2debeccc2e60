using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Services;

/// <summary>Deployments of an owner.</summary>
internal sealed class ServiceService(
    IDbContextFactory<PlatformDbContext> contexts,
    ServiceDirectory directory,
    ModelService models,
    ServingWorker worker,
    DecodingSlots slots,
    ServiceTroubles troubles,
    ServiceMetricsReader metrics,
    DeploymentSupervisor supervisor,
    IOptions<PlatformOptions> options,
    TimeProvider time)
{
    /// <summary>The resources of a service when nobody says.</summary>
    public const string StandardType = "CPU-I-2";

    private const int MostName = 200;
    private const int MostSuffix = 120;
    private const int MostReplicas = 64;
    private const int MostHistory = 20;

    /// <summary>The models that are always served.</summary>
    public FineTuning.BaseModelCatalog BaseModels => models.BaseModels;

    /// <summary>What services were asked.</summary>
    public ServiceMetricsReader Metrics => metrics;

    /// <summary>Makes a service; it is deployed in the background.</summary>
    public async Task<ServiceRow> CreateAsync(string ownerId, CreateServiceRequest request, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(request.Name)) throw PlatformException.Missing("name");
        if (request.Name.Length > MostName) throw PlatformException.Invalid("name", $"param[name] invalid: longer than {MostName} characters");
        CheckSuffix(request.UrlSuffix);
        var replicas = request.ResourceConfig?.ReplicasCount ?? 1;
        CheckReplicas(replicas);
        ServiceKind? kind = request.ServiceType is null ? null : ServiceKinds.Parse(request.ServiceType);
        var version = await GetVersionAsync(ownerId, request.ModelSetId, request.ModelId, cancellationToken);
        var now = time.GetUtcNow();
        var service = new ServiceRow
        {
            PublicId = PublicId.Service(),
            OwnerId = ownerId,
            Name = request.Name,
            UrlSuffix = request.UrlSuffix,
            Kind = kind ?? ServiceKinds.For(version),
            ModelVersionId = version.Id,
            Description = request.Description ?? "",
            ResourceType = request.ResourceConfig?.Type ?? StandardType,
            Replicas = replicas,
            Qps = request.ResourceConfig?.Qps,
            State = ServiceState.New,
            CreatedAt = now,
            ModifiedAt = now,
        };
        await directory.ChangeAsync(async context =>
        {
            if (await context.Services.AnyAsync(row => row.OwnerId == ownerId && row.UrlSuffix == request.UrlSuffix, cancellationToken)) throw Taken(request.UrlSuffix);
            context.Services.Add(service);
            return await context.SaveChangesAsync(cancellationToken);
        }, cancellationToken);
        supervisor.Wake();
        return service;
    }

    /// <summary>The owner's service with its model.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<ServiceRow> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await WithModel(context).Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Service", id);
    }

    public async Task<Page<ServiceRow>> ListAsync(string ownerId, DescribeServicesRequest request, CancellationToken cancellationToken)
    {
        var paging = Paging.Of(request.Marker, request.MaxKeys, request.PageReverse);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var services = WithModel(context).Where(row => row.OwnerId == ownerId);
        if (!string.IsNullOrEmpty(request.Name)) services = services.Where(row => row.Name.Contains(request.Name) || row.UrlSuffix == request.Name);
        if (request.ServiceType is { Count: > 0 } types)
        {
            var kinds = Enum.GetValues<ServiceKind>().Where(kind => types.Contains(kind.Wire())).ToList();
            services = services.Where(row => kinds.Contains(row.Kind));
        }

        if (request.RunStatus is { Count: > 0 } wanted)
        {
            var states = wanted.Select(text => Enum.TryParse<ServiceState>(text, out var state) ? state : throw PlatformException.Invalid("runStatus", $"param[runStatus] invalid: {PlatformException.Shown(text)}")).ToList();
            // Told as "Deploying" too: what serves one version and loads another.
            var (serving, deploying) = (states.Contains(ServiceState.Serving), states.Contains(ServiceState.Deploying));
            services = services.Where(row => row.State == ServiceState.Serving ? (row.NextVersionId == null ? serving : deploying) : states.Contains(row.State));
        }

        return await paging.ApplyAsync(services, cancellationToken);
    }

    public async Task<IReadOnlyList<ServiceRow>> ListAllAsync(string ownerId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await WithModel(context).Where(row => row.OwnerId == ownerId).OrderBy(row => row.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Gives the service other resources, and has it serve another version: while one is served, it goes on until the other is loaded.</summary>
    public async Task ModifyAsync(string ownerId, ModifyServiceRequest request, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, request.ServiceId, cancellationToken);
        var version = request.ModelId is null ? null : await GetVersionAsync(ownerId, request.ModelSetId, request.ModelId, cancellationToken);
        if (version is null && request.ModelSetId is not null) throw PlatformException.Missing("modelId");
        if (version is null && request.ResourceConfig is null) throw PlatformException.Invalid("modelId", "param[modelId] is missing, or param[resourceConfig]: nothing is to be changed");
        if (request.ResourceConfig is { } asked) CheckReplicas(asked.ReplicasCount);
        await ChangeAsync(service, row =>
        {
            if (request.ResourceConfig is { } resources) (row.ResourceType, row.Replicas, row.Qps) = (resources.Type, resources.ReplicasCount, resources.Qps);
            if (version is not null) Switch(row, version.Id);
        }, cancellationToken);
        if (request.ResourceConfig is { } given) slots.Resize(service.PublicId, given.ReplicasCount);
        await supervisor.ReleaseAsync(service, cancellationToken);
    }

    /// <summary>Has the service serve the version that it served before; a switch that is under way is called off.</summary>
    /// <returns>That version.</returns>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<ModelVersionRow> RollbackAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        var target = service.Model;
        await ChangeAsync(service, async (context, row) =>
        {
            target = row.NextVersionId is null
                ? await StepBackAsync(context, row, cancellationToken)
                : await context.ModelVersions.Include(version => version.Set).SingleAsync(version => version.Id == row.ModelVersionId, cancellationToken);
            Switch(row, target.Id);
        }, cancellationToken);
        await supervisor.ReleaseAsync(service, cancellationToken);
        return target;
    }

    /// <summary>The versions that a service has served, the newest first.</summary>
    public async Task<IReadOnlyList<ServedVersionRow>> HistoryAsync(ServiceRow service, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.ServedVersions.AsNoTracking().Include(row => row.Model.Set).Where(row => row.ServiceId == service.Id).OrderByDescending(row => row.Id).Take(MostHistory).ToListAsync(cancellationToken);
    }

    /// <summary>How a service is at this moment.</summary>
    public ServiceHealth Health(ServiceRow service)
    {
        var session = worker.Current;
        var (running, waiting) = slots.Count(service.PublicId);
        var trouble = troubles.Last(service.PublicId);
        return new ServiceHealth
        {
            Loaded = session?.Models.IsLoaded(service.Model.PublicId) == true,
            Running = running,
            Waiting = waiting,
            WorkerRunning = session is not null,
            WorkerRestarts = worker.Restarts,
            WorkerMemoryBytes = session?.MemoryBytes ?? 0,
            WorkerMessage = worker.Trouble,
            LastError = trouble?.Message,
            LastErrorTime = trouble is null ? null : WireTime.Iso(trouble.Value.At),
        };
    }

    /// <summary>Takes a service off; stopping it again is fine. Answers under way are finished.</summary>
    public async Task StopAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        await ChangeAsync(service, row =>
        {
            // Whoever wanted another version gets it when the service is started again.
            (row.ModelVersionId, row.NextVersionId) = (row.NextVersionId ?? row.ModelVersionId, null);
            row.State = ServiceState.Stopped;
            row.Error = null;
        }, cancellationToken);
        await supervisor.ReleaseAsync(service, cancellationToken);
    }

    /// <summary>Puts a stopped or failed service on again; starting it twice is fine.</summary>
    public async Task StartAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        await ChangeAsync(service, row =>
        {
            if (row.State is not (ServiceState.Stopped or ServiceState.Failed)) return;
            row.State = ServiceState.New;
            row.Error = null;
        }, cancellationToken);
    }

    /// <summary>Removes a service. Answers under way are finished.</summary>
    public async Task DeleteAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        await directory.ChangeAsync(context => context.Services.Where(row => row.Id == service.Id).ExecuteDeleteAsync(cancellationToken), cancellationToken);
        troubles.Forget(service.PublicId);
        await supervisor.ReleaseAsync(service, cancellationToken);
    }

    /// <summary>The address that V1 clients call; its last part is the endpoint.</summary>
    public string Url(string suffix, ServiceKind kind = ServiceKind.Chat) => $"{options.Value.PublicUrl.TrimEnd('/')}/rpc/2.0/ai_custom/v1/wenxinworkshop/{kind.Wire()}/{suffix}";

    private static IQueryable<ServiceRow> WithModel(PlatformDbContext context) => context.Services.AsNoTracking().Include(row => row.Next).Include(row => row.Model).ThenInclude(version => version.Set);

    private static PlatformException Taken(string suffix) => PlatformException.Conflict($"param[urlSuffix] invalid: there is a service with the address {suffix} already");

    private void CheckSuffix(string suffix)
    {
        if (suffix.Length is 0 or > MostSuffix || !suffix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':'))
            throw PlatformException.Invalid("urlSuffix", $"param[urlSuffix] invalid: it must be 1 to {MostSuffix} letters, digits, '-', '_', '.' or ':'");
        if (models.BaseModels.Find(suffix) is not null) throw PlatformException.Invalid("urlSuffix", $"param[urlSuffix] invalid: {suffix} is the name of a base model");
    }

    private static void CheckReplicas(int replicas)
    {
        if (replicas is < 1 or > MostReplicas) throw PlatformException.Invalid("replicasCount", $"param[resourceConfig.replicasCount] must be between 1 and {MostReplicas}");
    }

    private static void Switch(ServiceRow row, int versionId)
    {
        row.Error = null;
        if (row.State == ServiceState.Serving)
        {
            row.NextVersionId = versionId == row.ModelVersionId ? null : versionId;
            return;
        }

        (row.ModelVersionId, row.NextVersionId) = (versionId, null);
        if (row.State != ServiceState.Stopped) row.State = ServiceState.New;
    }

    /// <summary>The version before the one at hand, which is taken out of the history: going back once more leads further back.</summary>
    private static async Task<ModelVersionRow> StepBackAsync(PlatformDbContext context, ServiceRow service, CancellationToken cancellationToken)
    {
        var served = await context.ServedVersions.Include(row => row.Model.Set).Where(row => row.ServiceId == service.Id).OrderByDescending(row => row.Id).Take(2).ToListAsync(cancellationToken);
        // What is to be served now may never have got so far.
        if (served.Count > 0 && served[0].ModelVersionId == service.ModelVersionId)
        {
            if (served.Count > 1) context.Remove(served[0]);
            served.RemoveAt(0);
        }

        return served.FirstOrDefault()?.Model ?? throw PlatformException.Conflict($"Service {service.PublicId} has served no other version before");
    }

    private async Task<ModelVersionRow> GetVersionAsync(string ownerId, string? setId, string versionId, CancellationToken cancellationToken)
    {
        var version = await models.GetVersionAsync(ownerId, versionId, cancellationToken);
        if (setId is not null && setId != version.Set.PublicId && OwnedRows.ParseId(setId) != version.SetId) throw PlatformException.Invalid("modelSetId", $"param[modelSetId] invalid: version {version.PublicId} is not of model {PlatformException.Shown(setId)}");
        return version;
    }

    private Task ChangeAsync(ServiceRow service, Action<ServiceRow> change, CancellationToken cancellationToken) => ChangeAsync(service, (_, row) =>
    {
        change(row);
        return Task.CompletedTask;
    }, cancellationToken);

    private async Task ChangeAsync(ServiceRow service, Func<PlatformDbContext, ServiceRow, Task> change, CancellationToken cancellationToken)
    {
        await directory.ChangeAsync(async context =>
        {
            var row = await context.Services.SingleOrDefaultAsync(row => row.Id == service.Id, cancellationToken) ?? throw PlatformException.NotFound("Service", service.PublicId);
            await change(context, row);
            row.ModifiedAt = time.GetUtcNow();
            return await context.SaveChangesAsync(cancellationToken);
        }, cancellationToken);
        supervisor.Wake();
    }
}
