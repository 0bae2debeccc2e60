using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Exports;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Models;

/// <summary>The model repository of an owner.</summary>
internal sealed class ModelService(
    IDbContextFactory<PlatformDbContext> contexts, FineTuningService fineTuning, ExportService exports, DataFolders folders, TimeProvider time) : IDisposable
{
    private const string ManifestFile = "manifest.json";
    private const int MostName = 200;

    // Publishing looks whether it was done before: two at once would both find that it wasn't.
    private readonly SemaphoreSlim _publishing = new(1, 1);

    /// <summary>The models that come with the engine.</summary>
    public BaseModelCatalog BaseModels => fineTuning.Models;

    /// <summary>The models in other forms.</summary>
    public ExportService Exports => exports;

    /// <summary>Publishes what a task learnt. Publishing the same task under the same name again gives the same version.</summary>
    public async Task<ModelVersionRow> PublishAsync(string ownerId, PublishTrainModelRequest request, CancellationToken cancellationToken)
    {
        var task = await fineTuning.GetTaskAsync(ownerId, request.VersionMeta.IterationId, cancellationToken);
        var job = request.VersionMeta.TaskId;
        if (job.Length > 0 && job != task.Job.PublicId && OwnedRows.ParseId(job) != task.JobId) throw PlatformException.NotFound("Job", job);
        if (task.State != TaskState.Done) throw PlatformException.Conflict($"Task {task.PublicId} is {task.State}; a model is published from a task that is done");
        await RefuseOtherStepAsync(task, request.VersionMeta.Step, cancellationToken);
        if (request.IsNewModel)
        {
            CheckName(request.ModelName, "modelName");
        }
        else if (string.IsNullOrWhiteSpace(request.ModelId))
        {
            throw PlatformException.Missing("modelId");
        }

        await _publishing.WaitAsync(cancellationToken);
        try
        {
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            var set = await FindSetAsync(context, ownerId, request, cancellationToken);
            if (set?.Versions.FirstOrDefault(version => version.TaskId == task.Id) is { } published) return published;
            if (set is { Versions.Count: > 0 } && request.IsNewModel) throw PlatformException.Conflict($"There is a model {set.Name} already; publish a new version of it, or choose another name");
            return await WriteAsync(context, set, task, request, cancellationToken);
        }
        finally
        {
            _publishing.Release();
        }
    }

    /// <summary>Makes a model without versions.</summary>
    public async Task<ModelSetRow> CreateSetAsync(string ownerId, CreateCustomModelSetRequest request, CancellationToken cancellationToken)
    {
        CheckName(request.ModelSetName, "modelSetName");
        if (request.ModelType != "Text2Text") throw new PlatformException(PlatformError.NotSupported, "param[modelType] invalid: models here are Text2Text", "modelType");
        await _publishing.WaitAsync(cancellationToken);
        try
        {
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            if (await context.ModelSets.AnyAsync(row => row.OwnerId == ownerId && row.Name == request.ModelSetName, cancellationToken))
                throw PlatformException.Conflict($"There is a model {PlatformException.Shown(request.ModelSetName)} already");
            var now = time.GetUtcNow();
            var set = context.ModelSets.Add(new ModelSetRow { PublicId = PublicId.ModelSet(), OwnerId = ownerId, Name = request.ModelSetName, CreatedAt = now, ModifiedAt = now }).Entity;
            await context.SaveChangesAsync(cancellationToken);
            return set;
        }
        finally
        {
            _publishing.Release();
        }
    }

    /// <summary>The owner's model set with its versions, newest first.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<ModelSetRow> GetSetAsync(string ownerId, string? id, string? name, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var sets = context.ModelSets.AsNoTracking().Include(set => set.Versions.OrderByDescending(version => version.Version));
        var found = string.IsNullOrEmpty(id)
            ? await sets.Where(set => set.OwnerId == ownerId && set.Name == name).SingleOrDefaultAsync(cancellationToken)
            : await sets.Of(ownerId, id).SingleOrDefaultAsync(cancellationToken);
        return found ?? throw PlatformException.NotFound("Model", id ?? name ?? "");
    }

    /// <summary>The owner's model version.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<ModelVersionRow> GetVersionAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.ModelVersions.AsNoTracking().Include(version => version.Set).Of(ownerId, id).SingleOrDefaultAsync(cancellationToken)
            ?? throw PlatformException.NotFound("Model version", id);
    }

    /// <summary>Some of the owner's models, and how many there are.</summary>
    public async Task<(IReadOnlyList<ModelSetRow> Page, int Total)> ListAsync(string ownerId, string? name, bool oldestFirst, int skip, int take, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var sets = context.ModelSets.AsNoTracking().Include(set => set.Versions.OrderByDescending(version => version.Version)).Where(set => set.OwnerId == ownerId);
        if (!string.IsNullOrEmpty(name)) sets = sets.Where(set => set.Name.Contains(name));
        return (await (oldestFirst ? sets.OrderBy(set => set.Id) : sets.OrderByDescending(set => set.Id)).Skip(skip).Take(take).ToListAsync(cancellationToken), await sets.CountAsync(cancellationToken));
    }

    public async Task<Page<ModelSetRow>> ListAsync(string ownerId, string? name, Paging paging, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var sets = context.ModelSets.AsNoTracking().Include(set => set.Versions.OrderByDescending(version => version.Version)).Where(set => set.OwnerId == ownerId);
        if (!string.IsNullOrEmpty(name)) sets = sets.Where(set => set.Name.Contains(name));
        return await paging.ApplyAsync(sets, cancellationToken);
    }

    /// <summary>Deletes a model with its versions, none of which may be served.</summary>
    public async Task DeleteSetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var set = await GetSetAsync(ownerId, id, null, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await RefuseServedAsync(context, set.Versions, cancellationToken);
        var exported = await ExportsOfAsync(context, set.Versions, cancellationToken);
        await context.ModelSets.Where(row => row.Id == set.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await exports.DropAsync(exported);
        foreach (var version in set.Versions) AtomicFile.Delete(folders.Model(version.PublicId));
    }

    /// <summary>Deletes a version that is not served; a model without versions goes too.</summary>
    public async Task DeleteVersionAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var version = await GetVersionAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await RefuseServedAsync(context, [version], cancellationToken);
        var exported = await ExportsOfAsync(context, [version], cancellationToken);
        await context.ModelVersions.Where(row => row.Id == version.Id).ExecuteDeleteAsync(cancellationToken);
        await context.ModelSets.Where(row => row.Id == version.SetId && row.Versions.Count == 0).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await exports.DropAsync(exported);
        AtomicFile.Delete(folders.Model(version.PublicId));
    }

    public void Dispose() => _publishing.Dispose();

    private static void CheckName(string? name, string parameter)
    {
        if (string.IsNullOrWhiteSpace(name)) throw PlatformException.Missing(parameter);
        if (name.Length > MostName) throw PlatformException.Invalid(parameter, $"param[{parameter}] invalid: longer than {MostName} characters");
    }

    private static async Task<ModelSetRow?> FindSetAsync(PlatformDbContext context, string ownerId, PublishTrainModelRequest request, CancellationToken cancellationToken)
    {
        var sets = context.ModelSets.Include(set => set.Versions);
        if (request.IsNewModel) return await sets.SingleOrDefaultAsync(set => set.OwnerId == ownerId && set.Name == request.ModelName, cancellationToken);
        return await sets.Of(ownerId, request.ModelId!).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Model", request.ModelId!);
    }

    private async Task<ModelVersionRow> WriteAsync(PlatformDbContext context, ModelSetRow? set, TaskRow task, PublishTrainModelRequest request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var lineage = Lineage(task);
        var version = new ModelVersionRow
        {
            PublicId = PublicId.ModelVersion(),
            OwnerId = task.OwnerId,
            CreatedAt = now,
            Version = set is null ? 1 : set.Versions.Select(row => row.Version).DefaultIfEmpty(0).Max() + 1,
            Description = request.VersionMeta.Description ?? "",
            BaseModel = task.Job.Model,
            Kind = task.OutputKind!,
            ParameterScale = task.ParameterScale,
            TrainMode = task.Job.TrainMode,
            TaskPublicId = task.PublicId,
            TaskId = task.Id,
            JobPublicId = task.Job.PublicId,
            JobId = task.JobId,
            JobName = task.Job.Name,
            TrainingLoss = task.TrainingLoss,
            ValidationLoss = task.ValidationLoss,
            Lineage = JsonSerializer.Serialize(lineage, PlatformJson.Options),
        };
        var folder = folders.Model(version.PublicId);
        await AtomicFile.WriteFolderAsync(folder, async partial =>
        {
            await AtomicFile.CopyFolderAsync(folders.TaskOutput(task.PublicId), partial, cancellationToken);
            await AtomicFile.WriteAsync(Path.Combine(partial, ManifestFile), stream => JsonSerializer.SerializeAsync(stream, Manifest(version, lineage), PlatformJson.Options, cancellationToken));
        });
        try
        {
            set ??= context.ModelSets.Add(new ModelSetRow { PublicId = PublicId.ModelSet(), OwnerId = task.OwnerId, Name = request.ModelName!, CreatedAt = now }).Entity;
            set.ModifiedAt = now;
            set.Versions.Add(version);
            await context.SaveChangesAsync(cancellationToken);
        }
        catch
        {
            AtomicFile.Delete(folder);
            throw;
        }

        return version;
    }

    // All that a model came from: base model, rows, configuration, result.
    private static ModelLineage Lineage(TaskRow task)
    {
        var config = JsonSerializer.Deserialize<TrainingConfig>(task.Config, PlatformJson.Options)! with { StartFromDirectory = null };
        return new ModelLineage
        {
            BaseModel = task.Job.Model,
            TrainMode = task.Job.TrainMode,
            Datasets = task.Datasets is { } datasets ? JsonSerializer.Deserialize<IReadOnlyList<ModelLineageDataset>>(datasets, PlatformJson.Options)! : [],
            RowsSha256 = task.RowsHash,
            Config = JsonSerializer.SerializeToNode(config, PlatformJson.Sparse)!.AsObject(),
            Seed = config.Seed,
            EngineVersion = task.EngineVersion,
            TrainedTokens = task.TrainedTokens,
            TrainingLoss = task.TrainingLoss,
            ValidationLoss = task.ValidationLoss,
        };
    }

    // The same beside the weights.
    private static object Manifest(ModelVersionRow version, ModelLineage lineage) => new
    {
        modelVersionId = version.PublicId,
        kind = version.Kind,
        trainMode = version.TrainMode,
        parameterScale = version.ParameterScale,
        jobId = version.JobPublicId,
        taskId = version.TaskPublicId,
        lineage,
        createTime = WireTime.Iso(version.CreatedAt),
    };

    private async Task RefuseOtherStepAsync(TaskRow task, int? step, CancellationToken cancellationToken)
    {
        if (step is null) return;
        var checkpoints = await fineTuning.CheckpointsAsync(task, cancellationToken);
        var last = checkpoints.Count == 0 ? null : checkpoints[^1];
        if (last?.Step != step) throw new PlatformException(PlatformError.NotSupported, $"param[versionMeta.step] invalid: only the last checkpoint can be published ({last?.Step})", "step");
    }

    private static Task<List<ExportRow>> ExportsOfAsync(PlatformDbContext context, IEnumerable<ModelVersionRow> versions, CancellationToken cancellationToken)
    {
        var ids = versions.Select(version => version.Id).ToList();
        return context.Exports.AsNoTracking().Where(row => ids.Contains(row.ModelVersionId)).ToListAsync(cancellationToken);
    }

    private static async Task RefuseServedAsync(PlatformDbContext context, IEnumerable<ModelVersionRow> versions, CancellationToken cancellationToken)
    {
        var ids = versions.Select(version => version.Id).ToList();
        var service = await context.Services.AsNoTracking().Include(row => row.Model).Include(row => row.Next).FirstOrDefaultAsync(row => ids.Contains(row.ModelVersionId) || (row.NextVersionId != null && ids.Contains(row.NextVersionId.Value)), cancellationToken);
        if (service is null) return;
        var version = ids.Contains(service.ModelVersionId) ? service.Model : service.Next!;
        throw PlatformException.Conflict($"Version {version.PublicId} is deployed as service {service.PublicId}; delete the service first");
    }
}
