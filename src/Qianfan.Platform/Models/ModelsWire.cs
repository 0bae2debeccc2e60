using System.Text.Json;
using Qianfan.Platform.Exports;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
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
                templateType = TrainModes.Template(new TrainMode(version.TrainMode)),
            },
        },
        framework = "torch",
        algorithm = version.BaseModel,
        modelNet = $"{version.BaseModel}_{version.ParameterScale}",
        state = ModelVersionState.Ready.Value,
        ioMode = ServiceKinds.For(version).Wire(),
        ioLength = "",
        copyright = "",
        property = new { },
        createTime = WireTime.Iso(version.CreatedAt),
        modifyTime = WireTime.Iso(version.CreatedAt),
        deployResource = new[] { "Private" },
        supportOptions = new[] { "Deploy" },
        trainType = version.BaseModel,
        @params = ServiceKinds.For(version) == ServiceKind.Completions ? s_completion : s_chat,
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
        trainMode = version.TrainMode,
        parameterScale = version.ParameterScale,
        sourceType = "Train",
        sourceInfo = new { trainTaskId = version.TaskPublicId, trainJobId = version.JobPublicId },
        lineage = version.Lineage is { } lineage ? JsonSerializer.Deserialize<ModelLineage>(lineage, PlatformJson.Options) : null,
        exportFormats = ExportService.FormatsOf(version),
        metrics = new { trainingLoss = version.TrainingLoss, validationLoss = version.ValidationLoss },
        isSupportModelComp = false,
        createTime = WireTime.Iso(version.CreatedAt),
    };

    private static readonly object s_chat = Schema("chat.completion", "messages", new
    {
        type = "array",
        items = new
        {
            type = "object",
            required = new[] { "role", "content" },
            properties = new { role = Member("role", "string", "user or assistant, in turn", "user"), content = Member("content", "string", "not empty") },
        },
    });

    private static readonly object s_completion = Schema("completion", "prompt", Member("prompt", "string", "the text to go on from, not empty"));

    private static object Schema(string answer, string question, object questionSchema) => new
    {
        input = new
        {
            type = "object",
            required = new[] { question },
            properties = new Dictionary<string, object>
            {
                [question] = questionSchema,
                ["stream"] = Member("stream", "boolean", "whether the text is sent as it is generated; default false"),
                ["user_id"] = Member("user_id", "string", "the caller's own user"),
                ["temperature"] = Member("temperature", "number", "0 takes the likeliest token always; at most 2"),
                ["top_p"] = Member("top_p", "number", "the smallest set of tokens whose probability reaches this, up to 1"),
                ["penalty_score"] = Member("penalty_score", "number", "against repetition, 1 (off) to 2"),
            },
        },
        output = new
        {
            type = "object",
            required = Array.Empty<string>(),
            properties = new
            {
                id = Member("id", "string", "of the answer"),
                @object = Member("object", "string", answer),
                created = Member("created", "integer", "Unix seconds"),
                sentence_id = Member("sentence_id", "integer", "number of the chunk, in a stream"),
                is_end = Member("is_end", "boolean", "whether this chunk is the last, in a stream"),
                is_truncated = Member("is_truncated", "boolean", "whether the answer was cut at its most tokens"),
                result = Member("result", "string", "the text"),
                need_clear_history = Member("need_clear_history", "boolean", "always false"),
                ban_round = Member("ban_round", "integer", "never given"),
                usage = new
                {
                    type = "object",
                    required = Array.Empty<string>(),
                    description = "tokens, by the model's own tokenizer",
                    properties = new
                    {
                        prompt_tokens = Member("prompt_tokens", "integer", "of the question"),
                        completion_tokens = Member("completion_tokens", "integer", "of the answer"),
                        total_tokens = Member("total_tokens", "integer", "together"),
                    },
                },
            },
        },
    };

    private static object Member(string name, string type, string description, string? @default = null) =>
        new { name, type, format = type switch { "integer" => "int32", "number" => "float", _ => null }, @default, description };

    private static ModelVersionRow? Newest(ModelSetRow set) => set.Versions.MaxBy(version => version.Version);

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
