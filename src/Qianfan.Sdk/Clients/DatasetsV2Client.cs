using System.Text.Json;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Datasets over console V2 (<c>/v2/dataset</c>): a dataset holds versions. The official trainers use V1 (<see cref="DatasetsClient"/>) to this day, and the shapes of these answers are in no source:
/// they are given as they came. Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
public sealed class DatasetsV2Client
{
    private const string Path = "/v2/dataset";
    private readonly QianfanTransport _transport;

    internal DatasetsV2Client(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates a dataset.</summary>
    public Task<JsonElement> CreateAsync(CreateDatasetRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateDataset", request, QianfanJson.Wire.CreateDatasetRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>A page of datasets.</summary>
    public Task<JsonElement> DescribeAsync(DescribeDatasetsRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeDatasets", request, QianfanJson.Wire.DescribeDatasetsRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Deletes a dataset with its versions.</summary>
    public Task<JsonElement> DeleteAsync(string datasetId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DeleteDataset", new DatasetGroupRequest { DatasetId = datasetId }, QianfanJson.Wire.DatasetGroupRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Adds a version to a dataset.</summary>
    public Task<JsonElement> CreateVersionAsync(DatasetGroupRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateDatasetVersion", request, QianfanJson.Wire.DatasetGroupRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells about a version.</summary>
    public Task<JsonElement> DescribeVersionAsync(string versionId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeDatasetVersion", new DatasetVersionRequest { VersionId = versionId }, QianfanJson.Wire.DatasetVersionRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>A page of a dataset's versions.</summary>
    public Task<JsonElement> DescribeVersionsAsync(DescribeDatasetVersionsRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeDatasetVersions", request, QianfanJson.Wire.DescribeDatasetVersionsRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Deletes a version.</summary>
    public Task<JsonElement> DeleteVersionAsync(string versionId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DeleteDatasetVersion", new DatasetVersionRequest { VersionId = versionId }, QianfanJson.Wire.DatasetVersionRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Publishes a version, so that it can be trained on.</summary>
    public Task<JsonElement> PublishVersionAsync(string versionId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "PublishDatasetVersion", new DatasetVersionRequest { VersionId = versionId }, QianfanJson.Wire.DatasetVersionRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Starts to import files into a version.</summary>
    public Task<JsonElement> CreateImportTaskAsync(CreateImportTaskRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateImportTask", request, QianfanJson.Wire.CreateImportTaskRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells about an import.</summary>
    public Task<JsonElement> DescribeImportTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeImportTask", new DatasetTaskRequest { TaskId = taskId }, QianfanJson.Wire.DatasetTaskRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Starts to export a version.</summary>
    public Task<JsonElement> CreateExportTaskAsync(CreateExportTaskRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateExportTask", request, QianfanJson.Wire.CreateExportTaskRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells about an export.</summary>
    public Task<JsonElement> DescribeExportTaskAsync(string taskId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeExportTask", new DatasetTaskRequest { TaskId = taskId }, QianfanJson.Wire.DatasetTaskRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);
}
