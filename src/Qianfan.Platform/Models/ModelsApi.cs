using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Exports;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Models;

/// <summary>Console V1, area modelrepo, and <c>/v2/model</c>.</summary>
internal static class ModelsApi
{
    private const string Root = "/wenxinworkshop/modelrepo/";

    public static ActionTable<ModelService> Actions { get; } = new ActionTable<ModelService>()
        .Read<DescribeModelSetRequest>("DescribeModelSet", DescribeSetAsync)
        .Read<ModelIdRequest>("DescribeModel", DescribeAsync)
        .Read<ModelSetListRequest>("DescribeCustomModelSets", DescribeCustomAsync)
        .Read<NoParameters>("DescribeSystemModelSets", DescribeSystemAsync)
        .Write<CreateCustomModelSetRequest>("CreateCustomModelSet", CreateSetAsync)
        .Write<CreateCustomModelRequest>("CreateCustomModel", CreateModelAsync)
        .Write<ModelSetIdRequest>("DeleteModelSet", DeleteSetAsync)
        .Write<ModelIdRequest>("DeleteModel", DeleteAsync)
        .AddExports();

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.ConsoleV2)
            .Actions("/v2/model", Actions);
        routes.Family(ApiFamilies.ConsoleV1)
            .Write("POST", Root + "publishTrainModel", PublishAsync)
            .Read("POST", Root + "modelDetail", DetailAsync)
            .Read("POST", Root + "modelVersionDetail", VersionDetailAsync)
            .Read("POST", Root + "model/user/list", UserListAsync)
            .Read("POST", Root + "model/preset/list", PresetList)
            .Write("POST", Root + "model/batchDelete", DeleteSetsAsync)
            .Write("POST", Root + "model/version/batchDelete", DeleteVersionsAsync);
    }

    private static async Task<IResult> PublishAsync(Body<PublishTrainModelRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken)
    {
        var version = await models.PublishAsync(caller.OwnerId, body.Value, cancellationToken);
        return Answers.V1(ModelsWire.Published(version));
    }

    private static async Task<IResult> DetailAsync(Body<ModelDetailRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken) =>
        Answers.V1(ModelsWire.Set(await models.GetSetAsync(caller.OwnerId, body.Value.ModelId, null, cancellationToken)));

    private static async Task<IResult> VersionDetailAsync(Body<ModelVersionDetailRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken)
    {
        var version = await models.GetVersionAsync(caller.OwnerId, body.Value.ModelVersionId, cancellationToken);
        return Answers.V1(ModelsWire.Version(version.Set, version));
    }

    private static async Task<IResult> UserListAsync(Body<UserModelListRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken)
    {
        var request = body.Value;
        if (request.Order is not (null or "" or "asc" or "desc")) throw PlatformException.Invalid("order", "param[order] invalid: it must be asc or desc");
        var (skip, take) = Page(request.PageNo, request.PageSize);
        // Models here are texts: 0 among the types.
        if (request.ModelType is { Count: > 0 } types && !types.Contains(0)) return Answers.V1(new { total = 0, modelList = Array.Empty<object>() });
        var (page, total) = await models.ListAsync(caller.OwnerId, request.NameFilter, request.Order == "asc", skip, take, cancellationToken);
        return Answers.V1(new { total, modelList = page.Select(ModelsWire.Set) });
    }

    private static IResult PresetList(Body<PresetModelListRequest> body, BaseModelCatalog catalog)
    {
        var request = body.Value;
        var (skip, take) = Page(request.PageNo, request.PageSize);
        var models = catalog.List()
            .Where(model => string.IsNullOrEmpty(request.NameFilter) || model.Name.Contains(request.NameFilter, StringComparison.OrdinalIgnoreCase))
            .Where(_ => request.ModelType is not { Count: > 0 } types || types.Contains(0))
            .ToList();
        return Answers.V1(new { total = models.Count, modelList = models.Skip(skip).Take(take).Select(Preset) });
    }

    private static (int Skip, int Take) Page(int number, int size)
    {
        if (number is < 1 or > 1_000_000) throw PlatformException.Invalid("pageNo", "param[pageNo] must be between 1 and 1000000");
        return size is >= 1 and <= 100 ? ((number - 1) * size, size) : throw PlatformException.Invalid("pageSize", "param[pageSize] must be between 1 and 100");
    }

    private static async Task<IResult> DeleteSetsAsync(Body<ModelIdsRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken)
    {
        foreach (var id in body.Value.Ids()) await models.DeleteSetAsync(caller.OwnerId, id, cancellationToken);
        return Answers.V1(true);
    }

    private static async Task<IResult> DeleteVersionsAsync(Body<ModelVersionIdsRequest> body, PlatformCaller caller, ModelService models, CancellationToken cancellationToken)
    {
        foreach (var id in body.Value.Ids()) await models.DeleteVersionAsync(caller.OwnerId, id, cancellationToken);
        return Answers.V1(true);
    }

    private static async Task<object?> DescribeSetAsync(ModelService models, PlatformCaller caller, DescribeModelSetRequest request, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(request.ModelSetId) && string.IsNullOrEmpty(request.ModelSetName)) throw PlatformException.Missing("modelSetId");
        return ModelsWire.Description(await models.GetSetAsync(caller.OwnerId, request.ModelSetId, request.ModelSetName, cancellationToken));
    }

    private static async Task<object?> DescribeAsync(ModelService models, PlatformCaller caller, ModelIdRequest request, CancellationToken cancellationToken) =>
        ModelsWire.Description(await models.GetVersionAsync(caller.OwnerId, request.ModelId, cancellationToken));

    private static async Task<object?> DescribeCustomAsync(ModelService models, PlatformCaller caller, ModelSetListRequest request, CancellationToken cancellationToken)
    {
        var page = await models.ListAsync(caller.OwnerId, request.ModelSetName, Paging.Of(request.Marker, request.MaxKeys, request.PageReverse), cancellationToken);
        return new { modelSetList = page.Rows.Select(ModelsWire.Description), pageInfo = page.Info };
    }

    private static Task<object?> DescribeSystemAsync(ModelService models, PlatformCaller caller, NoParameters request, CancellationToken cancellationToken) =>
        Task.FromResult<object?>(new
        {
            modelSetList = models.BaseModels.List().Select(model => new
            {
                modelSetId = model.Name,
                modelSetName = model.Name,
                displayName = model.DisplayName,
                description = model.Description,
                contextLength = model.ContextLength,
                source = "PlatformPreset",
                modelType = "Text2Text",
                modelIds = new[] { model.Name },
            }),
        });

    private static async Task<object?> CreateSetAsync(ModelService models, PlatformCaller caller, CreateCustomModelSetRequest request, CancellationToken cancellationToken) =>
        new { modelSetId = (await models.CreateSetAsync(caller.OwnerId, request, cancellationToken)).PublicId };

    private static async Task<object?> CreateModelAsync(ModelService models, PlatformCaller caller, CreateCustomModelRequest request, CancellationToken cancellationToken)
    {
        if (request.SourceType != "Train") throw new PlatformException(PlatformError.NotSupported, "param[sourceType] invalid: models come from tasks here (Train)", "sourceType");
        var train = request.TrainMeta ?? throw PlatformException.Missing("trainMeta");
        var version = await models.PublishAsync(caller.OwnerId, new PublishTrainModelRequest
        {
            IsNewModel = false,
            ModelId = request.ModelSetId,
            VersionMeta = new PublishVersionMeta { TaskId = "", IterationId = train.TaskId, Step = train.Step, Description = request.Description },
        }, cancellationToken);
        return new { modelSetId = version.Set.PublicId, modelId = version.PublicId };
    }

    private static async Task<object?> DeleteSetAsync(ModelService models, PlatformCaller caller, ModelSetIdRequest request, CancellationToken cancellationToken)
    {
        await models.DeleteSetAsync(caller.OwnerId, request.ModelSetId, cancellationToken);
        return true;
    }

    private static async Task<object?> DeleteAsync(ModelService models, PlatformCaller caller, ModelIdRequest request, CancellationToken cancellationToken)
    {
        await models.DeleteVersionAsync(caller.OwnerId, request.ModelId, cancellationToken);
        return true;
    }

    private static object Preset(BaseModel model) => new
    {
        modelName = model.Name,
        displayName = model.DisplayName,
        description = model.Description,
        source = "PlatformPreset",
        ctxLength = model.ContextLength,
    };
}

/// <summary>DescribeCustomModelSets with our filter by name.</summary>
internal sealed record ModelSetListRequest
{
    public string? ModelSetName { get; init; }

    public string? Marker { get; init; }

    public int? MaxKeys { get; init; }

    public bool? PageReverse { get; init; }
}

/// <summary>modelrepo/model/batchDelete.</summary>
internal sealed record ModelIdsRequest
{
    [System.Text.Json.Serialization.JsonPropertyName("modelIDs")]
    public required IReadOnlyList<string> ModelIds { get; init; }

    public IReadOnlyList<string> Ids() => ModelIds.Count is > 0 and <= 100 ? ModelIds : throw PlatformException.Invalid("modelIDs", "param[modelIDs] invalid: it must name 1 to 100 models");
}

/// <summary>modelrepo/model/version/batchDelete.</summary>
internal sealed record ModelVersionIdsRequest
{
    public required IReadOnlyList<string> ModelVersionIds { get; init; }

    public IReadOnlyList<string> Ids() =>
        ModelVersionIds.Count is > 0 and <= 100 ? ModelVersionIds : throw PlatformException.Invalid("modelVersionIds", "param[modelVersionIds] invalid: it must name 1 to 100 versions");
}
