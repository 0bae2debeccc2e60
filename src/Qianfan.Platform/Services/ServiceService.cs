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
    ModelService models,
    ServingWorker worker,
    DeploymentSupervisor supervisor,
    IOptions<PlatformOptions> options,
    TimeProvider time)
{
    private const int MostName = 200;
    private const int MostSuffix = 120;

    /// <summary>The models that are always served.</summary>
    public FineTuning.BaseModelCatalog BaseModels => models.BaseModels;

    /// <summary>Makes a service; it is deployed in the background.</summary>
    public async Task<ServiceRow> CreateAsync(string ownerId, CreateServiceRequest request, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(request.Name)) throw PlatformException.Missing("name");
        if (request.Name.Length > MostName) throw PlatformException.Invalid("name", $"param[name] invalid: longer than {MostName} characters");
        CheckSuffix(request.UrlSuffix);
        var replicas = request.ResourceConfig?.ReplicasCount ?? 1;
        if (replicas is < 1 or > 64) throw PlatformException.Invalid("replicasCount", "param[resourceConfig.replicasCount] must be between 1 and 64");
        var version = await GetVersionAsync(ownerId, request.ModelSetId, request.ModelId, cancellationToken);
        var now = time.GetUtcNow();
        var service = new ServiceRow
        {
            PublicId = PublicId.Service(),
            OwnerId = ownerId,
            Name = request.Name,
            UrlSuffix = request.UrlSuffix,
            ModelVersionId = version.Id,
            Description = request.Description ?? "",
            ResourceType = request.ResourceConfig?.Type ?? "CPU-I-2",
            Replicas = replicas,
            Qps = request.ResourceConfig?.Qps,
            State = ServiceState.New,
            CreatedAt = now,
            ModifiedAt = now,
        };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        if (await context.Services.AnyAsync(row => row.OwnerId == ownerId && row.UrlSuffix == request.UrlSuffix, cancellationToken)) throw Taken(request.UrlSuffix);
        context.Services.Add(service);
        try
        {
            await context.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException) when (context.Services.Any(row => row.OwnerId == ownerId && row.UrlSuffix == request.UrlSuffix))
        {
            throw Taken(request.UrlSuffix);
        }

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
        if (request.ServiceType is { Count: > 0 } types && !types.Contains("chat")) services = services.Where(_ => false);
        if (request.RunStatus is { Count: > 0 } wanted)
        {
            var states = wanted.Select(text => Enum.TryParse<ServiceState>(text, out var state) ? state : throw PlatformException.Invalid("runStatus", $"param[runStatus] invalid: {PlatformException.Shown(text)}")).ToList();
            services = services.Where(row => states.Contains(row.State));
        }

        return await paging.ApplyAsync(services, cancellationToken);
    }

    public async Task<IReadOnlyList<ServiceRow>> ListAllAsync(string ownerId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await WithModel(context).Where(row => row.OwnerId == ownerId).OrderBy(row => row.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Has the service serve another version.</summary>
    public async Task ModifyAsync(string ownerId, ModifyServiceRequest request, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, request.ServiceId, cancellationToken);
        var version = await GetVersionAsync(ownerId, request.ModelSetId, request.ModelId, cancellationToken);
        await ChangeAsync(service, row =>
        {
            row.ModelVersionId = version.Id;
            if (row.State != ServiceState.Stopped) row.State = ServiceState.New;
            row.Error = null;
        }, cancellationToken);
        await ReleaseAsync(service.Model, cancellationToken);
    }

    /// <summary>Takes a service off; stopping it again is fine.</summary>
    public async Task StopAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        await ChangeAsync(service, row =>
        {
            row.State = ServiceState.Stopped;
            row.Error = null;
        }, cancellationToken);
        await ReleaseAsync(service.Model, cancellationToken);
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

    public async Task DeleteAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var service = await GetAsync(ownerId, id, cancellationToken);
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await context.Services.Where(row => row.Id == service.Id).ExecuteDeleteAsync(cancellationToken);
        }

        await ReleaseAsync(service.Model, cancellationToken);
    }

    /// <summary>The address that V1 clients call; its last part is the endpoint.</summary>
    public string Url(string suffix, string kind = "chat") => $"{options.Value.PublicUrl.TrimEnd('/')}/rpc/2.0/ai_custom/v1/wenxinworkshop/{kind}/{suffix}";

    private static IQueryable<ServiceRow> WithModel(PlatformDbContext context) => context.Services.AsNoTracking().Include(row => row.Model).ThenInclude(version => version.Set);

    private static PlatformException Taken(string suffix) => PlatformException.Conflict($"param[urlSuffix] invalid: there is a service with the address {suffix} already");

    private void CheckSuffix(string suffix)
    {
        if (suffix.Length is 0 or > MostSuffix || !suffix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':'))
            throw PlatformException.Invalid("urlSuffix", $"param[urlSuffix] invalid: it must be 1 to {MostSuffix} letters, digits, '-', '_', '.' or ':'");
        if (models.BaseModels.Find(suffix) is not null) throw PlatformException.Invalid("urlSuffix", $"param[urlSuffix] invalid: {suffix} is the name of a base model");
    }

    private async Task<ModelVersionRow> GetVersionAsync(string ownerId, string setId, string versionId, CancellationToken cancellationToken)
    {
        var version = await models.GetVersionAsync(ownerId, versionId, cancellationToken);
        if (setId != version.Set.PublicId && OwnedRows.ParseId(setId) != version.SetId) throw PlatformException.Invalid("modelSetId", $"param[modelSetId] invalid: version {version.PublicId} is not of model {PlatformException.Shown(setId)}");
        return version;
    }

    private async Task ChangeAsync(ServiceRow service, Action<ServiceRow> change, CancellationToken cancellationToken)
    {
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            var row = await context.Services.SingleOrDefaultAsync(row => row.Id == service.Id, cancellationToken) ?? throw PlatformException.NotFound("Service", service.PublicId);
            change(row);
            row.ModifiedAt = time.GetUtcNow();
            await context.SaveChangesAsync(cancellationToken);
        }

        supervisor.Wake();
    }

    /// <summary>Frees the worker's memory when no other service needs the version.</summary>
    private async Task ReleaseAsync(ModelVersionRow version, CancellationToken cancellationToken)
    {
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            if (await context.Services.AnyAsync(row => row.ModelVersionId == version.Id && row.State != ServiceState.Stopped, cancellationToken)) return;
        }

        if (worker.Current is { } session) await session.UnloadAsync(version.PublicId, cancellationToken);
    }
}
