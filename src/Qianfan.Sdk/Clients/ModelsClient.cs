using System.Net;
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
}
