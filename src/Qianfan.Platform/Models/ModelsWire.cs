using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Models;

/// <summary>Models as the consoles show them; integer ids are numbers here, which the SDK's records read as text.</summary>
internal static class ModelsWire
{
    public static object Published(ModelVersionRow version) => new
    {
        modelId = version.SetId,
        modelIDStr = version.Set.PublicId,
        version = Text(version.Version),
        versionId = version.Id,
        versionIdStr = version.PublicId,
    };

    public static object Set(ModelSetRow set) => new
    {
        modelId = set.Id,
        modelIdStr = set.PublicId,
        modelName = set.Name,
        source = "UserCreate",
        modelType = 0,
        createUserId = 0,
        createUser = "",
        createTime = WireTime.Iso(set.CreatedAt),
        modifyTime = WireTime.Iso(set.ModifiedAt),
        description = set.Description,
        trainType = Newest(set)?.BaseModel,
        // Seed-era clients take the first one as the newest.
        modelVersionList = set.Versions.OrderByDescending(version => version.Version).Select(version => Version(set, version)).ToArray(),
    };

    public static object Version(ModelSetRow set, ModelVersionRow version) => new
    {
        modelId = set.Id,
        modelIdStr = set.PublicId,
        modelName = set.Name,
        modelVersionId = version.Id,
        modelVersionIdStr = version.PublicId,
        version = Text(version.Version),
        description = version.Description,
        sourceType = "Train",
        sourceExtra = new
        {
            sourceType = "Train",
            trainSourceExtra = new
            {
                taskId = version.JobId,
                taskIdStr = version.JobPublicId,
                taskName = version.JobName,
                iterationVersion = version.Version,
                runId = version.TaskId,
                runIdStr = version.TaskPublicId,
                devType = 1,
                modelType = 20,
                templateType = 2000,
            },
        },
        framework = "torch",
        algorithm = version.BaseModel,
        modelNet = $"{version.BaseModel}_{version.ParameterScale}",
        state = ModelVersionState.Ready.Value,
        ioMode = "chat",
        ioLength = "",
        copyright = "",
        property = new { },
        createTime = WireTime.Iso(version.CreatedAt),
        modifyTime = WireTime.Iso(version.CreatedAt),
        deployResource = new[] { "Private" },
        supportOptions = new[] { "Deploy" },
        trainType = version.BaseModel,
        @params = Schema,
    };

    public static object Description(ModelSetRow set) => new
    {
        modelSetId = set.PublicId,
        modelSetName = set.Name,
        source = "UserCreate",
        modelType = "Text2Text",
        createTime = WireTime.Iso(set.CreatedAt),
        modifyTime = WireTime.Iso(set.ModifiedAt),
        modelIds = set.Versions.OrderByDescending(version => version.Version).Select(version => version.PublicId).ToArray(),
    };

    public static object Description(ModelVersionRow version) => new
    {
        modelId = version.PublicId,
        modelSetId = version.Set.PublicId,
        modelSetName = version.Set.Name,
        modelVersion = Text(version.Version),
        description = version.Description,
        state = ModelVersionState.Ready.Value,
        baseModel = version.BaseModel,
        parameterScale = version.ParameterScale,
        sourceType = "Train",
        sourceInfo = new { trainTaskId = version.TaskPublicId, trainJobId = version.JobPublicId },
        metrics = new { trainingLoss = version.TrainingLoss, validationLoss = version.ValidationLoss },
        isSupportModelComp = false,
        createTime = WireTime.Iso(version.CreatedAt),
    };

    private static readonly object Schema = new
    {
        input = new
        {
            type = "object",
            required = new[] { "messages" },
            properties = new
            {
                messages = new { type = "array", items = new { type = "object", required = new[] { "role", "content" } } },
                stream = new { name = "stream", type = "boolean" },
            },
        },
        output = new { type = "object", required = Array.Empty<string>(), properties = new { id = new { name = "id", type = "string" }, result = new { name = "result", type = "string" } } },
    };

    private static ModelVersionRow? Newest(ModelSetRow set) => set.Versions.MaxBy(version => version.Version);

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
