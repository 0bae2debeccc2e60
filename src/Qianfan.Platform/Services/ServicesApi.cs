using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Services;

/// <summary><c>/v2/service</c> and console V1's list, by which clients find endpoints.</summary>
internal static class ServicesApi
{
    public static ActionTable<ServiceService> Actions { get; } = new ActionTable<ServiceService>()
        .Write<CreateServiceRequest>("CreateService", CreateAsync)
        .Read<ServiceIdRequest>("DescribeService", DescribeAsync)
        .Read<DescribeServicesRequest>("DescribeServices", DescribeAllAsync)
        .Write<ModifyServiceRequest>("ModifyService", ModifyAsync)
        .Write<ServiceIdRequest>("StopService", StopAsync)
        .Write<ServiceIdRequest>("StartService", StartAsync)
        .Write<ServiceIdRequest>("DeleteService", DeleteAsync);

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.ConsoleV2)
            .Read("POST", "/v2/service", (HttpContext context, PlatformCaller caller, ServiceService service) => Actions.InvokeAsync(context, caller, service));
        routes.Family(ApiFamilies.ConsoleV1).Read("POST", "/wenxinworkshop/service/list", ListAsync);
    }

    private static async Task<object?> CreateAsync(ServiceService services, PlatformCaller caller, CreateServiceRequest request, CancellationToken cancellationToken)
    {
        var service = await services.CreateAsync(caller.OwnerId, request, cancellationToken);
        return new CreateServiceResult { ServiceId = service.PublicId, InstanceId = service.PublicId["svco-".Length..] };
    }

    private static async Task<object?> DescribeAsync(ServiceService services, PlatformCaller caller, ServiceIdRequest request, CancellationToken cancellationToken) =>
        Describe(services, await services.GetAsync(caller.OwnerId, request.ServiceId, cancellationToken));

    private static async Task<object?> DescribeAllAsync(ServiceService services, PlatformCaller caller, DescribeServicesRequest request, CancellationToken cancellationToken)
    {
        var page = await services.ListAsync(caller.OwnerId, request, cancellationToken);
        return new ServiceDescriptionList { ServiceList = [.. page.Rows.Select(service => Describe(services, service))], PageInfo = page.Info };
    }

    private static async Task<object?> ModifyAsync(ServiceService services, PlatformCaller caller, ModifyServiceRequest request, CancellationToken cancellationToken)
    {
        await services.ModifyAsync(caller.OwnerId, request, cancellationToken);
        return true;
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
        // A filter for other kinds than chat leaves nothing: that is what is served here.
        var wanted = body.Value.ApiTypeFilter is not { Count: > 0 } filter || filter.Contains("chat");
        var common = wanted ? models.BaseModels.List().Select(model => Entry(services, model.Name, model.Name, model.Name, "Done")).ToList() : [];
        var custom = wanted
            ? (await services.ListAllAsync(caller.OwnerId, cancellationToken))
                .Select(service => Entry(services, service.Name, service.UrlSuffix, service.Model.BaseModel, V1Status(service.State))).ToList()
            : [];
        return Answers.V1(new PresetServiceList { Common = common, Custom = custom });
    }

    private static PresetService Entry(ServiceService services, string name, string suffix, string trainType, string status) => new()
    {
        Name = name,
        Url = services.Url(suffix),
        ApiType = "chat",
        ChargeStatus = "FREE",
        VersionList = [new PresetServiceVersion { TrainType = trainType, ServiceStatus = status }],
    };

    // V1 calls what is ready "Done".
    private static string V1Status(ServiceState state) => state == ServiceState.Serving ? "Done" : state.ToString();

    private static ServiceDescription Describe(ServiceService services, ServiceRow service) => new()
    {
        ServiceId = service.PublicId,
        ModelId = service.Model.Set.PublicId,
        ModelVersionId = service.Model.PublicId,
        Name = service.Name,
        Description = service.Description,
        Url = services.Url(service.UrlSuffix),
        ServiceType = "chat",
        RunStatus = new ServiceRunStatus(service.State.ToString()),
        ChargeStatus = "Free",
        ResourceConfig = new ServiceResourceConfig { Type = service.ResourceType, ReplicasCount = service.Replicas, Qps = service.Qps },
        CreateTime = WireTime.Iso(service.CreatedAt),
        Message = service.Error,
    };
}
