using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>The rows of a task: a copy of its datasets' rows, so that nothing that happens to these later matters to it.</summary>
internal sealed class TaskRows(IDbContextFactory<PlatformDbContext> contexts, DataFolders folders)
{
    private const int MostDatasets = 100;

    /// <summary>A dataset's share.</summary>
    internal sealed record Part(DatasetRow Dataset, string RowsFile, double SamplingRate);

    /// <summary>The datasets that a request names, for a job's training.</summary>
    /// <exception cref="PlatformException">One doesn't exist or can't be trained on so.</exception>
    public async Task<IReadOnlyList<Part>> ResolveAsync(JobRow job, FineTuningDatasetConfig config, CancellationToken cancellationToken)
    {
        if (config.SourceType != "Platform")
            throw new PlatformException(PlatformError.NotSupported, "param[datasetConfig.sourceType] invalid: this platform trains on its own datasets (Platform)", "sourceType");
        if (config.Versions.Count is 0 or > MostDatasets) throw PlatformException.Invalid("versions", $"param[datasetConfig.versions] invalid: it must name 1 to {MostDatasets} datasets");
        var parts = new List<Part>();
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        foreach (var version in config.Versions)
        {
            if (string.IsNullOrEmpty(version.VersionId)) throw PlatformException.Missing("datasetConfig.versions.versionId");
            if (version.SamplingRate is not (null or (>= 0.01 and <= 10)))
                throw PlatformException.Invalid("samplingRate", "param[datasetConfig.versions.samplingRate] invalid: it must be between 0.01 and 10");
            var dataset = await context.Datasets.AsNoTracking().Of(job.OwnerId, version.VersionId).SingleOrDefaultAsync(cancellationToken)
                ?? throw PlatformException.NotFound("Dataset", version.VersionId);
            parts.Add(Usable(dataset, job, version.SamplingRate ?? 1));
        }

        return parts;
    }

    /// <summary>A dataset as a job's training takes it.</summary>
    /// <exception cref="PlatformException">It can't be trained on so.</exception>
    public Part Usable(DatasetRow dataset, JobRow job, double samplingRate = 1)
    {
        if (dataset.RowsFile is not { } file || dataset.Rows == 0) throw PlatformException.Invalid("versions", $"param[datasetConfig.versions] invalid: dataset {dataset.PublicId} has no rows");
        if (dataset.ReleaseStatus != DatasetReleaseStatus.Finished)
            throw PlatformException.Invalid("versions", $"param[datasetConfig.versions] invalid: dataset {dataset.PublicId} is not released");
        TrainModes.RequireRows(new TrainMode(job.TrainMode), dataset);
        return new Part(dataset, Path.Combine(folders.Dataset(dataset.PublicId), file), samplingRate);
    }

    /// <summary>Writes the rows and gives back their SHA-256.</summary>
    public static async Task<string> WriteAsync(IReadOnlyList<Part> parts, string path, CancellationToken cancellationToken)
    {
        await using (var writer = new StreamWriter(path, append: false, new System.Text.UTF8Encoding(false), 1 << 16) { NewLine = "\n" })
        {
            var written = 0L;
            foreach (var part in parts)
            {
                // A rate of 2.5 takes each row twice, and every other row once more; the same rows each time.
                var due = 0.0;
                await foreach (var line in File.ReadLinesAsync(part.RowsFile, cancellationToken))
                {
                    // A row that was deleted leaves an empty line.
                    if (line.Length == 0) continue;
                    for (due += part.SamplingRate; due >= 1 - 1e-9; due -= 1)
                    {
                        await writer.WriteLineAsync(line.AsMemory(), cancellationToken);
                        written++;
                    }
                }
            }

            if (written == 0) throw PlatformException.Invalid("samplingRate", "param[datasetConfig.versions.samplingRate] invalid: no row is left");
            await writer.FlushAsync(cancellationToken);
            ((FileStream)writer.BaseStream).Flush(flushToDisk: true);
        }

        await using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
    }
}
