using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Services;

/// <summary><c>/v2/service</c> and console V1's list, by which clients find endpoints.</summary>
internal static class ServicesApi
{
    private const string Free = "Free";

    public static ActionTable<ServiceService> Actions { get; } = new ActionTable<ServiceService>()
        .Read<DescribeServiceMetricRequest>("DescribeServiceMetric", MetricsAsync)
        .Write<CreateServiceRequest>("CreateService", CreateAsync)
        .Read<ServiceIdRequest>("DescribeService", DescribeAsync)
        .Read<DescribeServicesRequest>("DescribeServices", DescribeAllAsync)
        .Read<DescribePresetServicesRequest>("DescribePresetServices", DescribePresetAsync)
        .Write<ModifyServiceRequest>("ModifyService", ModifyAsync)
        .Write<ServiceIdRequest>("RollbackService", RollbackAsync)
        .Write<ServiceIdRequest>("StopService", StopAsync)
        .Write<ServiceIdRequest>("StartService", StartAsync)
        .Write<ServiceIdRequest>("DeleteService", DeleteAsync);

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.ConsoleV2)
            .Actions("/v2/service", Actions);
        routes.Family(ApiFamilies.ConsoleV1)
            .Read("POST", "/wenxinworkshop/service/list", ListAsync)
            .Write("POST", "/wenxinworkshop/service/apply", ApplyAsync)
            .Read("POST", "/wenxinworkshop/service/detail", DetailAsync);
    }

    private static async Task<object?> CreateAsync(ServiceService services, PlatformCaller caller, CreateServiceRequest request, CancellationToken cancellationToken)
    {
        var service = await services.CreateAsync(caller.OwnerId, request, cancellationToken);
        return new CreateServiceResult { ServiceId = service.PublicId, InstanceId = service.PublicId["svco-".Length..] };
    }

    private static async Task<object?> DescribeAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken) =>
        await DescribeOneAsync(services, await services.GetAsync(caller.OwnerId, request.ServiceId, cancellationToken), cancellationToken);

    private static async Task<object?> DescribeAllAsync(ServiceService services, PlatformCaller caller, DescribeServicesRequest request, CancellationToken cancellationToken)
    {
        var page = await services.ListAsync(caller.OwnerId, request, cancellationToken);
        return new ServiceDescriptionList { ServiceList = [.. page.Rows.Select(service => Describe(services, service))], PageInfo = page.Info };
    }

    private static async Task<object?> MetricsAsync(ServiceService services, PlatformCaller caller, DescribeServiceMetricRequest request, CancellationToken cancellationToken) =>
        await services.Metrics.ReadAsync(caller.OwnerId, request, cancellationToken);

    private static Task<object?> DescribePresetAsync(ServiceService services, PlatformCaller caller, DescribePresetServicesRequest request, CancellationToken cancellationToken)
    {
        var models = services.BaseModels.List()
            .Where(model => request.ServiceIds is not { Count: > 0 } ids || ids.Contains(model.Name))
            .Where(_ => request.ServiceType is not { Count: > 0 } types || types.Contains(ServiceKind.Chat.Wire()))
            .Where(_ => request.ChargeStatus is not { Count: > 0 } charges || charges.Contains(Free));
        return Task.FromResult<object?>(new
        {
            serviceList = models.Select(model => new
            {
                serviceId = model.Name, name = model.Name, description = model.Description, url = services.Url(model.Name), serviceType = ServiceKind.Chat.Wire(), runStatus = ServiceRunStatus.Serving.Value, chargeStatus = Free,
            }),
        });
    }

    /// <summary>V1's CreateService; without an address of the caller's the platform makes one up.</summary>
    private static async Task<IResult> ApplyAsync(Body<V1ApplyServiceRequest> body, PlatformCaller caller, ServiceService services, CancellationToken cancellationToken)
    {
        var request = body.Value;
        var service = await services.CreateAsync(caller.OwnerId, new CreateServiceRequest
        {
            ModelSetId = request.ModelId,
            ModelId = request.ModelVersionId,
            Name = request.Name,
            UrlSuffix = request.Uri.Length > 0 ? request.Uri : PublicId.Endpoint(),
            Description = request.Description,
            ResourceConfig = new ServiceResourceConfig { Type = ServiceService.StandardType, ReplicasCount = request.Replicas },
        }, cancellationToken);
        return Answers.V1(new { result = true, serviceId = service.Id, serviceIdStr = service.PublicId });
    }

    private static async Task<IResult> DetailAsync(Body<V1ServiceRequest> body, PlatformCaller caller, ServiceService services, CancellationToken cancellationToken)
    {
        var service = await services.GetAsync(caller.OwnerId, body.Value.ServiceId, cancellationToken);
        return Answers.V1(new
        {
            id = service.Id,
            serviceIdStr = service.PublicId,
            modelId = service.Model.SetId,
            modelIdStr = service.Model.Set.PublicId,
            modelName = service.Model.Set.Name,
            modelType = 0,
            templateType = TrainModes.Template(new TrainMode(service.Model.TrainMode)),
            iterationId = service.ModelVersionId,
            modelVersion = service.Model.Version.ToString(System.Globalization.CultureInfo.InvariantCulture),
            version = "1",
            name = service.Name,
            uri = service.UrlSuffix,
            fullUri = services.Url(service.UrlSuffix, service.Kind),
            applyStatus = 2,
            serviceStatus = V1Status(Status(service)),
            sourceType = 1,
            onlineTime = service.ModifiedAt.ToUnixTimeSeconds(),
            callUnitPrice = "0",
            description = service.Description,
            message = service.Error,
            devApiId = 0,
            apiId = 0,
            vmConfig = new V1ServiceMachines { ResourceId = "", InstanceCount = service.Replicas, GpuType = "", VolumeId = "" },
            timeout = 0,
            qps = service.Qps ?? 0,
            noAuthAccess = false,
            hasDeploying = Status(service) is ServiceState.New or ServiceState.Deploying,
            openDcl = false,
            payType = 0,
            creator = service.OwnerId,
            createTime = service.CreatedAt.ToUnixTimeSeconds(),
            modifyTime = service.ModifiedAt.ToUnixTimeSeconds(),
        });
    }

    private static async Task<object?> ModifyAsync(ServiceService services, PlatformCaller caller, ModifyServiceRequest request, CancellationToken cancellationToken)
    {
        await services.ModifyAsync(caller.OwnerId, request, cancellationToken);
        return true;
    }

    private static async Task<object?> RollbackAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken)
    {
        var version = await services.RollbackAsync(caller.OwnerId, request.ServiceId, cancellationToken);
        return new RollbackServiceResult { ModelId = version.Set.PublicId, ModelVersionId = version.PublicId };
    }

    private static async Task<object?> StopAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken)
    {
        await services.StopAsync(caller.OwnerId, request.ServiceId, cancellationToken);
        return true;
    }

    private static async Task<object?> StartAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken)
    {
        await services.StartAsync(caller.OwnerId, request.ServiceId, cancellationToken);
        return true;
    }

    private static async Task<object?> DeleteAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken)
    {
        await services.DeleteAsync(caller.OwnerId, request.ServiceId, cancellationToken);
        return true;
    }

    private static async Task<IResult> ListAsync(Body<PresetServiceListRequest> body, PlatformCaller caller, ServiceService services, Models.ModelService models, CancellationToken cancellationToken)
    {
        var kinds = Enum.GetValues<ServiceKind>();
        var wanted = body.Value.ApiTypeFilter is { Count: > 0 } filter ? kinds.Where(kind => filter.Contains(kind.Wire())).ToArray() : kinds;
        var custom = await services.ListAllAsync(caller.OwnerId, cancellationToken);
        return Answers.V1(new PresetServiceList
        {
            Common = [.. models.BaseModels.List().SelectMany(model => wanted.Select(kind => Entry(services, kind, model.Name, model.Name, model.Name, ServiceState.Serving)))],
            Custom = [.. custom.SelectMany(service => service.Kind.Answered().Intersect(wanted).Select(kind => Entry(services, kind, service.Name, service.UrlSuffix, service.Model.BaseModel, Status(service))))],
        });
    }

    private static PresetService Entry(ServiceService services, ServiceKind kind, string name, string suffix, string trainType, ServiceState status) => new()
    {
        Name = name,
        Url = services.Url(suffix, kind),
        ApiType = kind.Wire(),
        ChargeStatus = "FREE",
        VersionList = [new PresetServiceVersion { TrainType = trainType, ServiceStatus = V1Status(status) }],
    };

    // V1 calls what is ready "Done".
    private static string V1Status(ServiceState state) => state == ServiceState.Serving ? "Done" : state.ToString();

    // What loads another version is being deployed, although it answers.
    private static ServiceState Status(ServiceRow service) => service is { State: ServiceState.Serving, NextVersionId: not null } ? ServiceState.Deploying : service.State;

    private static ServiceDescription Describe(ServiceService services, ServiceRow service) => new()
    {
        ServiceId = service.PublicId,
        ModelId = service.Model.Set.PublicId,
        ModelVersionId = service.Model.PublicId,
        NextModelVersionId = service.Next?.PublicId,
        Name = service.Name,
        Description = service.Description,
        Url = services.Url(service.UrlSuffix, service.Kind),
        ServiceType = service.Kind.Wire(),
        RunStatus = new ServiceRunStatus(Status(service).ToString()),
        ChargeStatus = Free,
        ResourceConfig = new ServiceResourceConfig { Type = service.ResourceType, ReplicasCount = service.Replicas, Qps = service.Qps },
        CreateTime = WireTime.Iso(service.CreatedAt),
        Message = service.Error,
    };

    private static async Task<ServiceDescription> DescribeOneAsync(ServiceService services, ServiceRow service, CancellationToken cancellationToken)
    {
        var history = await services.HistoryAsync(service, cancellationToken);
        return Describe(services, service) with
        {
            History = [.. history.Select(row => new ServedVersion { ModelId = row.Model.Set.PublicId, ModelVersionId = row.Model.PublicId, Since = WireTime.Iso(row.Since) })],
            Health = services.Health(service),
        };
    }
}
