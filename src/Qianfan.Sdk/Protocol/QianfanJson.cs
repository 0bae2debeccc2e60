using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Serialization of the wire records without reflection. Use <see cref="Wire"/>.</summary>
/// <remarks>Optional members of the records have setters because a source-generated reader gives an init-only member that is missing on the wire null in place of its default.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    AllowOutOfOrderMetadataProperties = true,
    Converters = [typeof(LenientStringConverter)])]
[JsonSerializable(typeof(BearerToken))]
[JsonSerializable(typeof(DatasetCreateRequest))]
[JsonSerializable(typeof(DatasetCreateResult))]
[JsonSerializable(typeof(DatasetStorage))]
[JsonSerializable(typeof(DatasetIdRequest))]
[JsonSerializable(typeof(DatasetIdsRequest))]
[JsonSerializable(typeof(DatasetImportRequest))]
[JsonSerializable(typeof(DatasetInfo))]
[JsonSerializable(typeof(DatasetVersionInfo))]
[JsonSerializable(typeof(DatasetStatus))]
[JsonSerializable(typeof(DatasetDeleteResult))]
[JsonSerializable(typeof(DatasetImportErrorRequest))]
[JsonSerializable(typeof(DatasetImportErrorDetail))]
[JsonSerializable(typeof(DatasetImportError))]
[JsonSerializable(typeof(EntityListRequest))]
[JsonSerializable(typeof(EntityListResult))]
[JsonSerializable(typeof(DatasetEntity))]
[JsonSerializable(typeof(FileObject))]
[JsonSerializable(typeof(FileList))]
[JsonSerializable(typeof(FileDeletion))]
[JsonSerializable(typeof(CreateFineTuningJobRequest))]
[JsonSerializable(typeof(CreateFineTuningJobResult))]
[JsonSerializable(typeof(CreateFineTuningTaskRequest))]
[JsonSerializable(typeof(FineTuningDatasetConfig))]
[JsonSerializable(typeof(FineTuningDatasetVersion))]
[JsonSerializable(typeof(CreateFineTuningTaskResult))]
[JsonSerializable(typeof(DescribeFineTuningJobsRequest))]
[JsonSerializable(typeof(FineTuningJobList))]
[JsonSerializable(typeof(FineTuningJob))]
[JsonSerializable(typeof(DescribeFineTuningTasksRequest))]
[JsonSerializable(typeof(FineTuningTaskList))]
[JsonSerializable(typeof(FineTuningTask))]
[JsonSerializable(typeof(FineTuningCheckpoint))]
[JsonSerializable(typeof(FineTuningTaskIdRequest))]
[JsonSerializable(typeof(FineTuningJobIdRequest))]
[JsonSerializable(typeof(PageInfo))]
[JsonSerializable(typeof(SupportedModel))]
[JsonSerializable(typeof(SupportedTrainMode))]
[JsonSerializable(typeof(SupportedParameterScale))]
[JsonSerializable(typeof(SupportedHyperParameter))]
[JsonSerializable(typeof(TaskStatusData))]
[JsonSerializable(typeof(TaskStartedData))]
[JsonSerializable(typeof(TaskMetricData))]
[JsonSerializable(typeof(TaskValidationData))]
[JsonSerializable(typeof(TaskCheckpointData))]
[JsonSerializable(typeof(TaskLogData))]
[JsonSerializable(typeof(ChatMessage))]
[JsonSerializable(typeof(ChatCompletionRequest))]
[JsonSerializable(typeof(ChatStreamOptions))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChoice))]
[JsonSerializable(typeof(ChatCompletionChunk))]
[JsonSerializable(typeof(ChatChunkChoice))]
[JsonSerializable(typeof(ChatDelta))]
[JsonSerializable(typeof(TokenUsage))]
[JsonSerializable(typeof(EmbeddingRequest))]
[JsonSerializable(typeof(EmbeddingResponse))]
[JsonSerializable(typeof(EmbeddingItem))]
[JsonSerializable(typeof(PublishTrainModelRequest))]
[JsonSerializable(typeof(PublishVersionMeta))]
[JsonSerializable(typeof(PublishTrainModelResult))]
[JsonSerializable(typeof(ModelDetailRequest))]
[JsonSerializable(typeof(ModelDetail))]
[JsonSerializable(typeof(ModelVersionDetailRequest))]
[JsonSerializable(typeof(ModelVersionDetail))]
[JsonSerializable(typeof(ModelSourceExtra))]
[JsonSerializable(typeof(ModelTrainSource))]
[JsonSerializable(typeof(DescribeModelSetRequest))]
[JsonSerializable(typeof(ModelSetDescription))]
[JsonSerializable(typeof(ModelIdRequest))]
[JsonSerializable(typeof(ModelSetIdRequest))]
[JsonSerializable(typeof(ModelDescription))]
[JsonSerializable(typeof(ModelSourceInfo))]
[JsonSerializable(typeof(CreateServiceRequest))]
[JsonSerializable(typeof(ServiceResourceConfig))]
[JsonSerializable(typeof(ServiceBilling))]
[JsonSerializable(typeof(ServiceReservation))]
[JsonSerializable(typeof(CreateServiceResult))]
[JsonSerializable(typeof(ServiceIdRequest))]
[JsonSerializable(typeof(ServiceDescription))]
[JsonSerializable(typeof(DescribeServicesRequest))]
[JsonSerializable(typeof(ServiceDescriptionList))]
[JsonSerializable(typeof(ModifyServiceRequest))]
[JsonSerializable(typeof(PresetServiceListRequest))]
[JsonSerializable(typeof(PresetServiceList))]
[JsonSerializable(typeof(PresetService))]
[JsonSerializable(typeof(PresetServiceVersion))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(IReadOnlyList<SupportedModel>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(Dictionary<string, DatasetStatus>))]
public sealed partial class QianfanJson : JsonSerializerContext
{
    private static readonly Lazy<QianfanJson> s_wire = new(() =>
        // The text is sent as JSON, never as part of a page: Chinese stays readable and half as long.
        new QianfanJson(new JsonSerializerOptions(s_defaultOptions!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

    /// <summary>The context for everything on the wire: camelCase, nulls left out, ids readable from numbers, Chinese unescaped. Thread-safe.</summary>
    public static QianfanJson Wire => s_wire.Value;
}
