using System.Net;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Datasets over console V1 (<c>/wenxinworkshop/dataset/*</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class DatasetsClient
{
    private const string Root = "/wenxinworkshop/dataset/";
    private readonly QianfanTransport _transport;

    internal DatasetsClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates an empty dataset. Never repeated by itself after an unclear failure.</summary>
    public async Task<DatasetCreateResult> CreateAsync(DatasetCreateRequest request, CancellationToken cancellationToken = default)
    {
        var result = await _transport.ConsoleAsync(Root + "create", null, request, QianfanJson.Wire.DatasetCreateRequest, QianfanJson.Wire.DatasetCreateResult, false, cancellationToken).ConfigureAwait(false);
        return result.DatasetId.Length > 0 ? result : throw new QianfanRequestException("The answer to dataset/create names no dataset.", HttpStatusCode.OK);
    }

    /// <summary>Starts to import files into a dataset; follow it with <see cref="GetInfoAsync"/>.</summary>
    public Task<bool> ImportAsync(DatasetImportRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "import", null, request, QianfanJson.Wire.DatasetImportRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Starts to release a dataset, so that it can be trained on; follow it with <see cref="GetInfoAsync"/>.</summary>
    public Task<bool> ReleaseAsync(string datasetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "release", null, new DatasetIdRequest { DatasetId = datasetId }, QianfanJson.Wire.DatasetIdRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Tells all about a dataset.</summary>
    public Task<DatasetInfo> GetInfoAsync(string datasetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "info", null, new DatasetIdRequest { DatasetId = datasetId }, QianfanJson.Wire.DatasetIdRequest, QianfanJson.Wire.DatasetInfo, true, cancellationToken);

    /// <summary>Extension of our platform: a page of datasets, newest first.</summary>
    public Task<DatasetListResult> ListAsync(DatasetListRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "list", null, request, QianfanJson.Wire.DatasetListRequest, QianfanJson.Wire.DatasetListResult, true, cancellationToken);

    /// <summary>States of several datasets, by id.</summary>
    public async Task<IReadOnlyDictionary<string, DatasetStatus>> GetStatusesAsync(IReadOnlyList<string> datasetIds, CancellationToken cancellationToken = default) =>
        await _transport.ConsoleAsync(Root + "statusList", null, new DatasetIdsRequest { DatasetIds = datasetIds }, QianfanJson.Wire.DatasetIdsRequest, QianfanJson.Wire.DictionaryStringDatasetStatus, true, cancellationToken).ConfigureAwait(false);

    /// <summary>Deletes a dataset.</summary>
    public Task<DatasetDeleteResult> DeleteAsync(string datasetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "delete", null, new DatasetIdRequest { DatasetId = datasetId }, QianfanJson.Wire.DatasetIdRequest, QianfanJson.Wire.DatasetDeleteResult, false, cancellationToken);

    /// <summary>Explains why an import failed.</summary>
    /// <param name="datasetId">The dataset.</param>
    /// <param name="errorCode"><see cref="DatasetVersionInfo.ErrCode"/> of the dataset.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public Task<DatasetImportErrorDetail> GetImportErrorDetailAsync(string datasetId, int errorCode, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "importErrorDetail", null, new DatasetImportErrorRequest { DatasetId = datasetId, ErrCode = errorCode }, QianfanJson.Wire.DatasetImportErrorRequest, QianfanJson.Wire.DatasetImportErrorDetail, true, cancellationToken);

    /// <summary>A page of a dataset's rows.</summary>
    public Task<EntityListResult> ListEntitiesAsync(EntityListRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync("/wenxinworkshop/entity/list", null, request, QianfanJson.Wire.EntityListRequest, QianfanJson.Wire.EntityListResult, true, cancellationToken);

    /// <summary>Sets a row's turns or labels.</summary>
    public Task<bool> AnnotateEntityAsync(EntityAnnotateRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync("/wenxinworkshop/entity/annotate", null, request, QianfanJson.Wire.EntityAnnotateRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Deletes rows.</summary>
    public Task<EntityDeleteResult> DeleteEntitiesAsync(EntityDeleteRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync("/wenxinworkshop/entity/delete", null, request, QianfanJson.Wire.EntityDeleteRequest, QianfanJson.Wire.EntityDeleteResult, false, cancellationToken);

    /// <summary>Starts to export a dataset; follow it with <see cref="GetInfoAsync"/> and find the file with <see cref="ListExportsAsync"/>.</summary>
    public Task<bool> ExportAsync(DatasetExportRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "export", null, request, QianfanJson.Wire.DatasetExportRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>The exports of a dataset.</summary>
    public Task<IReadOnlyList<DatasetExportRecord>> ListExportsAsync(string datasetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "exportRecord", null, new DatasetIdRequest { DatasetId = datasetId }, QianfanJson.Wire.DatasetIdRequest, QianfanJson.Wire.IReadOnlyListDatasetExportRecord, true, cancellationToken);
}
