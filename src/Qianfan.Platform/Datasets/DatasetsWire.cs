using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Datasets as console V1 shows them. The SDK's records hold what our client reads; official clients read more, and integer ids as numbers.</summary>
internal static class DatasetsWire
{
    private const int NotExported = (int)DatasetExportStatus.NotStarted;

    public static object Created(DatasetRow row) => new
    {
        id = row.Id,
        datasetId = row.PublicId,
        groupId = row.Id,
        groupPK = row.GroupPublicId,
        versionId = row.Version,
        groupName = row.Name,
        displayName = "",
        createFrom = 0,
        bmlDatasetId = row.PublicId,
        userId = 0,
        dataType = row.DataType,
        projectType = row.ProjectType,
        templateType = row.TemplateType,
        remark = "",
        storageInfo = Storage(row),
        importStatus = (int)row.ImportStatus,
        importProgress = 0,
        exportStatus = NotExported,
        releaseStatus = (int)row.ReleaseStatus,
        shouldHide = false,
        status = 0,
        isUnique = 0,
        errCode = (int?)null,
        createTime = WireTime.Iso(row.CreatedAt),
        modifyTime = WireTime.Iso(row.ModifiedAt),
    };

    public static object Info(DatasetRow row, DatasetExtras extras) => new
    {
        groupPK = row.GroupPublicId,
        groupId = row.Id,
        name = row.Name,
        dataType = row.DataType,
        versionInfo = new
        {
            id = row.Id,
            groupId = row.Id,
            datasetId = row.Id,
            datasetPK = row.PublicId,
            versionId = row.Version,
            displayName = "",
            importRecordCount = row.ImportCount,
            exportRecordCount = Exports(row, extras),
            bmlDatasetId = row.PublicId,
            userId = 0,
            importStatus = (int)row.ImportStatus,
            importProgress = ImportProgress(row),
            exportStatus = ExportStatus(row, extras),
            exportProgress = Exports(row, extras) > 0 ? 100 : 0,
            dataType = row.DataType,
            projectType = row.ProjectType,
            templateType = row.TemplateType,
            errCode = ErrorCode(row),
            uniqueType = 0,
            importErrorInfo = row.ImportErrorInfo,
            createTime = WireTime.Plain(row.CreatedAt),
            modifyTime = WireTime.Plain(row.ModifiedAt),
            storageType = row.StorageType,
            storage = Storage(row),
            releaseStatus = (int)row.ReleaseStatus,
            releaseErrCode = 0,
            releaseStoragePath = row.ReleaseStatus == DatasetReleaseStatus.Finished ? $"/{row.PublicId}" : "",
            releaseProgress = ReleaseProgress(row),
            remark = "",
            annotatedEntityCount = row.Rows,
            entityCount = row.Rows,
            labelCount = 0,
            memorySize = Math.Round(row.Bytes / 1048576.0, 2),
            characterCount = row.Characters,
            tokenStatistics = Tokens(row, extras),
            contentHash = row.ContentHash,
            refusedEntityCount = row.ImportErrorCount,
            isEnhancing = false,
            enhanceStatus = -1,
            hasEnhance = false,
            isSelfInstructEnhance = false,
            etlStatus = 0,
            hasEtl = false,
            isPipelineEtl = false,
            interAnnoRunning = false,
            hasTeamAnno = false,
            teamAnnoStatus = -1,
            hardSampleCount = 0,
            promptOptimizeStatus = 0,
            demandStatus = "",
            view = 0,
            usage = 0,
            copyright = "",
            copyrightLink = "",
            description = row.Description,
            tag = Array.Empty<object>(),
            license = "",
        },
    };

    public static object Status(DatasetRow row, DatasetExtras extras) => new
    {
        importStatus = (int)row.ImportStatus,
        importProgress = ImportProgress(row),
        releaseStatus = (int)row.ReleaseStatus,
        releaseProgress = ReleaseProgress(row),
        exportStatus = ExportStatus(row, extras),
        exportProgress = Exports(row, extras) > 0 ? 100 : 0,
        enhanceStatus = -1,
        etlStatus = 0,
        importErrorInfo = row.ImportErrorInfo,
        entityCount = row.Rows,
        annotatedEntityCount = row.Rows,
        labelCount = 0,
        characterCount = row.Characters,
        modifyTime = WireTime.Plain(row.ModifiedAt),
    };

    public static DatasetImportErrorDetail Errors(DatasetRow row, IReadOnlyList<ImportErrorRow> errors) => new()
    {
        DataType = row.DataType,
        ProjectType = row.ProjectType,
        DownloadUrl = "",
        IsZip = false,
        Content = [.. errors.Select(error => new DatasetImportError
        {
            Sequence = error.Line,
            SampleFileName = error.File,
            SampleName = error.Field,
            TextLocation = error.Field.Length == 0 ? $"line {error.Line}" : $"line {error.Line}, {error.Field}",
            TextContent = error.Message,
        })],
    };

    /// <summary>The counts of a dataset's rows by each base model; empty while they are being counted.</summary>
    public static IEnumerable<DatasetTokenStatistics> Tokens(DatasetRow row, DatasetExtras extras) => extras.Tokens[row.Id].Select(count => new DatasetTokenStatistics
    {
        Model = count.Model,
        RowCount = count.Rows,
        TokenCount = count.Tokens,
        MeanTokens = count.Rows == 0 ? 0 : Math.Round((double)count.Tokens / count.Rows, 2),
        MedianTokens = count.Median,
        Percentile95Tokens = count.Percentile95,
        MaxTokens = count.Longest,
        MaxSeqLen = count.MaxSeqLen,
        TruncatedRowCount = count.TruncatedRows,
        Error = count.Error,
    });

    /// <param name="row">The dataset.</param>
    /// <param name="exports">Its exports, newest first.</param>
    /// <param name="link">The address that an export is fetched from.</param>
    public static object Exported(DatasetRow row, IReadOnlyList<DatasetExportRow> exports, Func<DatasetExportRow, string> link) => exports.Select(export => new
    {
        creatorName = "",
        storageId = "platform",
        storagePath = $"/{row.PublicId}",
        size = Math.Round(export.Bytes / 1048576.0, 2),
        exportFormat = 0,
        exportType = 1,
        status = (int)DatasetExportStatus.Finished,
        recordNum = export.Rows,
        exportTo = 0,
        // An address that gives other rows, or none, is no address.
        downloadUrl = export.RowsFile == row.RowsFile ? link(export) : "",
        startTime = WireTime.Plain(export.CreatedAt),
        finishTime = WireTime.Plain(export.CreatedAt),
    });

    public static object Entity(DatasetRow row, long number, TrainingRow entry) => new
    {
        id = DatasetEntities.Id(row, number),
        name = $"row {number}",
        labels = Array.Empty<object>(),
        url = "",
        memorySize = 0,
        isEncrypted = false,
        textExtra = entry.Text is { } text ? (object)new { text } : new { messages = entry.Messages },
    };

    private static int Exports(DatasetRow row, DatasetExtras extras) => extras.Exports.GetValueOrDefault(row.Id);

    private static int ExportStatus(DatasetRow row, DatasetExtras extras) => Exports(row, extras) > 0 ? (int)DatasetExportStatus.Finished : NotExported;

    private static object Storage(DatasetRow row) => new
    {
        storageId = "platform",
        storageName = "platform",
        storagePath = $"/{row.PublicId}",
        rawStoragePath = "",
        region = "local",
    };

    private static int ImportProgress(DatasetRow row) => row.ImportStatus == DatasetImportStatus.Finished ? 100 : 0;

    private static int ReleaseProgress(DatasetRow row) => row.ReleaseStatus == DatasetReleaseStatus.Finished ? 100 : 0;

    private static int? ErrorCode(DatasetRow row) => row.ImportStatus == DatasetImportStatus.Failed ? 510102 : null;
}
