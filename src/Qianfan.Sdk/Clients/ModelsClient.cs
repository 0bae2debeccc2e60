using System.Net;
using System.Text.Json;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Model sets and their versions over console V1 and V2. Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class ModelsClient
{
    private const string V1 = "/wenxinworkshop/modelrepo/";
    private const string V2 = "/v2/model";
    private readonly QianfanTransport _transport;

    internal ModelsClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Publishes what a task trained as a model version. Never repeated by itself after an unclear failure: look the model set up by its name.</summary>
    public Task<PublishTrainModelResult> PublishTrainModelAsync(PublishTrainModelRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "publishTrainModel", null, request, QianfanJson.Wire.PublishTrainModelRequest, QianfanJson.Wire.PublishTrainModelResult, false, cancellationToken);

    /// <summary>Tells about a model set and its versions (V1).</summary>
    public Task<ModelDetail> GetModelDetailAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "modelDetail", null, new ModelDetailRequest { ModelId = modelId }, QianfanJson.Wire.ModelDetailRequest, QianfanJson.Wire.ModelDetail, true, cancellationToken);

    /// <summary>Tells about a model version (V1).</summary>
    public Task<ModelVersionDetail> GetModelVersionDetailAsync(string modelVersionId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "modelVersionDetail", null, new ModelVersionDetailRequest { ModelVersionId = modelVersionId }, QianfanJson.Wire.ModelVersionDetailRequest, QianfanJson.Wire.ModelVersionDetail, true, cancellationToken);

    /// <summary>Tells about a model set by its id (V2).</summary>
    public Task<ModelSetDescription> DescribeModelSetAsync(string modelSetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelSet", new DescribeModelSetRequest { ModelSetId = modelSetId }, QianfanJson.Wire.DescribeModelSetRequest, QianfanJson.Wire.ModelSetDescription, true, cancellationToken);

    /// <summary>Finds a model set by its exact name (V2).</summary>
    /// <returns>Null when there is none.</returns>
    public async Task<ModelSetDescription?> FindModelSetByNameAsync(string modelSetName, CancellationToken cancellationToken = default)
    {
        try
        {
            var found = await _transport.ConsoleAsync(V2, "DescribeModelSet", new DescribeModelSetRequest { ModelSetName = modelSetName }, QianfanJson.Wire.DescribeModelSetRequest, QianfanJson.Wire.ModelSetDescription, true, cancellationToken).ConfigureAwait(false);
            return string.IsNullOrEmpty(found.ModelSetId) || found.ModelSetName != modelSetName ? null : found;
        }
        catch (QianfanApiException e) when (e is not QianfanAuthenticationException && e.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest)
        {
            return null;
        }
        catch (QianfanRequestException e) when (e.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound)
        {
            // "result": null is how some versions say that there is none.
            return null;
        }
    }

    /// <summary>Tells about a model version (V2): the training that it comes from.</summary>
    public Task<ModelDescription> DescribeModelAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModel", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.ModelDescription, true, cancellationToken);

    /// <summary>Deletes a model set with its versions (V2).</summary>
    public Task<bool> DeleteModelSetAsync(string modelSetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DeleteModelSet", new ModelSetIdRequest { ModelSetId = modelSetId }, QianfanJson.Wire.ModelSetIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Deletes a model version (V2).</summary>
    public Task<bool> DeleteModelAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DeleteModel", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>A page of the platform's own models (V1).</summary>
    public Task<ModelDetailList> ListPresetModelsAsync(PresetModelListRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "model/preset/list", null, request, QianfanJson.Wire.PresetModelListRequest, QianfanJson.Wire.ModelDetailList, true, cancellationToken);

    /// <summary>A page of one's own models (V1).</summary>
    public Task<ModelDetailList> ListUserModelsAsync(UserModelListRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "model/user/list", null, request, QianfanJson.Wire.UserModelListRequest, QianfanJson.Wire.ModelDetailList, true, cancellationToken);

    /// <summary>Deletes model sets with their versions (V1).</summary>
    public Task<bool> DeleteModelsAsync(IReadOnlyList<string> modelIds, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "model/batchDelete", null, new DeleteModelsRequest { ModelIds = modelIds }, QianfanJson.Wire.DeleteModelsRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Deletes model versions (V1).</summary>
    public Task<bool> DeleteModelVersionsAsync(IReadOnlyList<string> modelVersionIds, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V1 + "model/version/batchDelete", null, new DeleteModelVersionsRequest { ModelVersionIds = modelVersionIds }, QianfanJson.Wire.DeleteModelVersionsRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>A page of the platform's own model sets (V2).</summary>
    public Task<ModelSetList> DescribeSystemModelSetsAsync(PageRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeSystemModelSets", request, QianfanJson.Wire.PageRequest, QianfanJson.Wire.ModelSetList, true, cancellationToken);

    /// <summary>A page of one's own model sets (V2).</summary>
    public Task<ModelSetList> DescribeCustomModelSetsAsync(PageRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeCustomModelSets", request, QianfanJson.Wire.PageRequest, QianfanJson.Wire.ModelSetList, true, cancellationToken);

    /// <summary>Creates an empty model set (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> CreateCustomModelSetAsync(CreateCustomModelSetRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CreateCustomModelSet", request, QianfanJson.Wire.CreateCustomModelSetRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Adds a version to a model set (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> CreateCustomModelAsync(CreateCustomModelRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CreateCustomModel", request, QianfanJson.Wire.CreateCustomModelRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Starts to export a version's weights (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> CreateModelExportTaskAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CreateModelExportTask", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells about the export of a version (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DescribeModelExportTaskAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelExportTask", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Extension of our platform: asks for a version's weights in a form that other programs open. Asking again gives the export that is there; one that failed is tried again.</summary>
    /// <param name="modelId">The version (<c>amv-...</c>).</param>
    /// <param name="format">One of <see cref="ModelExportFormats"/>.</param>
    /// <param name="cancellationToken">Breaks off; an export that was begun goes on.</param>
    public Task<ModelExportTask> StartExportAsync(string modelId, string format, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CreateModelExportTask", new ModelExportTaskRequest { ModelId = modelId, Format = format }, QianfanJson.Wire.ModelExportTaskRequest, QianfanJson.Wire.ModelExportTask, true, cancellationToken);

    /// <summary>Extension of our platform: all exports of a version, newest first.</summary>
    public async Task<IReadOnlyList<ModelExportTask>> ListExportsAsync(string modelId, CancellationToken cancellationToken = default) =>
        (await _transport.ConsoleAsync(V2, "DescribeModelExportTasks", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.ModelExportTaskList, true, cancellationToken).ConfigureAwait(false)).ExportTaskList;

    /// <summary>Extension of our platform: deletes an export with its file; one that is being written ends.</summary>
    public Task<bool> DeleteExportAsync(string exportTaskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DeleteModelExportTask", new ModelExportTaskIdRequest { ExportTaskId = exportTaskId }, QianfanJson.Wire.ModelExportTaskIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Extension of our platform: opens the file of an export that is done.</summary>
    /// <param name="exportTaskId">The export (<c>amemt-...</c>).</param>
    /// <param name="range">A part of it, as the HTTP header <c>Range</c> says it; null for all.</param>
    /// <param name="ifRange">Gives all instead of a part, unless the file is still the one with this tag: the HTTP header <c>If-Range</c>.</param>
    /// <param name="cancellationToken">Breaks off, also while the bytes are read.</param>
    /// <exception cref="QianfanApiException">There is no such export, or it is not done.</exception>
    public Task<ModelExportContent> OpenExportAsync(string exportTaskId, string? range = null, string? ifRange = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(exportTaskId);
        List<KeyValuePair<string, string>> headers = [];
        if (range is not null)
        {
            headers.Add(KeyValuePair.Create("Range", range));
        }

        if (ifRange is not null)
        {
            headers.Add(KeyValuePair.Create("If-Range", ifRange));
        }

        return ModelExportContent.OpenAsync(
            _transport,
            new QianfanCall
            {
                Method = HttpMethod.Get,
                BaseUrl = _transport.Options.ConsoleBaseUrl,
                Path = $"{V2}/exports/{IamSigner.Encode(exportTaskId)}/content",
                Headers = headers,
                Authentication = CallAuthentication.Signature,
                Retry = _transport.Options.ConsoleRetry,
                Timeout = _transport.Options.ConsoleTimeout,
            },
            cancellationToken);
    }

    /// <summary>Starts to compress a version (V2); gives the id of the compression.</summary>
    public Task<string> CreateModelCompTaskAsync(CreateModelCompTaskRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CreateModelCompTask", request, QianfanJson.Wire.CreateModelCompTaskRequest, QianfanJson.Wire.String, false, cancellationToken);

    /// <summary>Tells about a compression (V2).</summary>
    public Task<ModelCompTask> DescribeModelCompTaskAsync(string modelCompTaskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelCompTask", new ModelCompTaskIdRequest { ModelCompTaskId = modelCompTaskId }, QianfanJson.Wire.ModelCompTaskIdRequest, QianfanJson.Wire.ModelCompTask, true, cancellationToken);

    /// <summary>A page of compressions (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DescribeModelCompTasksAsync(DescribeModelCompTasksRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelCompTasks", request, QianfanJson.Wire.DescribeModelCompTasksRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Stops a compression (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> CancelModelCompTaskAsync(string modelCompTaskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "CancelModelCompTask", new ModelCompTaskIdRequest { ModelCompTaskId = modelCompTaskId }, QianfanJson.Wire.ModelCompTaskIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Deletes a compression (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DeleteModelCompTaskAsync(string modelCompTaskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DeleteModelCompTask", new ModelCompTaskIdRequest { ModelCompTaskId = modelCompTaskId }, QianfanJson.Wire.ModelCompTaskIdRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells what can be set for an imported model (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DescribeModelSystemAdvancedConfAsync(ModelSystemAdvancedConfRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelSystemAdvancedConf", request, QianfanJson.Wire.ModelSystemAdvancedConfRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Tells what is set for an imported model (V2). The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DescribeModelCustomAdvancedConfAsync(string modelId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(V2, "DescribeModelCustomAdvancedConf", new ModelIdRequest { ModelId = modelId }, QianfanJson.Wire.ModelIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);
}
