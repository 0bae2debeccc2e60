using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>What people do with runs. Thread-safe.</summary>
public sealed partial class RunService(
    IDbContextFactory<PortalDbContext> contexts,
    AuditLog audit,
    RunEventStore store,
    RunEventFeed feed,
    PipelineScheduler scheduler,
    RunSignals signals,
    PlatformClients clients,
    TimeProvider time,
    ILogger<RunService> logger)
{
    public const int LongestName = 80;
    public const int HighestValidationPercent = 90;

    /// <summary>Starts a fine-tuning run. What the config leaves open is chosen here: names, and by the platform the parameters of training.</summary>
    /// <returns>The run's id.</returns>
    /// <exception cref="UserErrorException">Something in the config is wrong; the error names the field.</exception>
    public async Task<Guid> StartAsync(Actor actor, Guid projectId, RunConfig config, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditRuns, cancellationToken);
        config = Trimmed(config);
        if (config.Name.Length == 0)
            throw new UserErrorException("NameRequired");
        foreach (var name in (string[])[config.Name, config.ModelName, config.ServiceName])
            if (name.Length > LongestName)
                throw new UserErrorException("NameTooLong", LongestName);
        var dataset = await db.Datasets.VisibleTo(actor)
            .Where(d => d.Id == config.DatasetId && d.ProjectId == projectId)
            .Select(d => new { d.Id, d.Name, d.PlatformId, d.GoodRows, d.ConnectionId, d.Format })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new UserErrorException("RunDataset");
        // The rows tell what can be learnt from them.
        config = config with { DatasetPlatformId = dataset.PlatformId, TrainMode = ModeOf(dataset.Format) };
        Validate(config, dataset.GoodRows, dataset.Name, await BaseModelsAsync(dataset.ConnectionId, config.TrainMode, cancellationToken));

        var run = New(actor, projectId, dataset.ConnectionId, RunKind.FineTune, config);
        run.DatasetId = dataset.Id;
        return await AddAsync(db, actor, teamId, run, cancellationToken);
    }

    /// <summary>Deploys a published model version: a run of its own, with the deployment as its only action.</summary>
    /// <returns>The run's id.</returns>
    public async Task<Guid> DeployAsync(Actor actor, Guid projectId, Guid modelVersionId, string serviceName, ServiceType serviceType, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditServices, cancellationToken);
        var version = await db.ModelVersions.VisibleTo(actor)
            .Where(v => v.Id == modelVersionId && v.ProjectId == projectId)
            .Select(v => new { v.Id, v.PlatformId, v.BaseModel, SetPlatformId = v.ModelSet.PlatformId, v.ModelSet.Name, v.ModelSet.ConnectionId })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("model");
        var name = serviceName.Trim();
        if (name.Length > LongestName)
            throw new UserErrorException("NameTooLong", LongestName);

        var run = New(actor, projectId, version.ConnectionId, RunKind.Deploy, new RunConfig
        {
            Name = name.Length > 0 ? name : version.Name[..Math.Min(version.Name.Length, LongestName)],
            BaseModel = version.BaseModel,
            ModelName = version.Name,
            ServiceName = name,
            ServiceType = serviceType,
            ModelSetPlatformId = version.SetPlatformId,
            ModelPlatformId = version.PlatformId,
        });
        run.ModelVersionId = version.Id;
        return await AddAsync(db, actor, teamId, run, cancellationToken);
    }

    /// <summary>Asks a run to stop. It is Stopped when its job has stopped what runs on the platform; one that has not begun is so at once.</summary>
    public Task StopAsync(Actor actor, Guid projectId, Guid runId, CancellationToken cancellationToken) =>
        ChangeAsync(actor, projectId, runId, AuditActions.RunStopped, run =>
        {
            RequireOurs(run);
            if (!run.Status.CanStop())
                throw new UserErrorException("RunCanNotStop");
            if (run.Status is RunStatus.Queued && run.PipelineState is null)
                (run.Status, run.FinishedAt) = (RunStatus.Stopped, time.GetUtcNow());
            else
                run.Status = RunStatus.Stopping;
        }, cancellationToken);

    /// <summary>Has a stopped or failed run go on where it was.</summary>
    public Task ResumeAsync(Actor actor, Guid projectId, Guid runId, CancellationToken cancellationToken) =>
        ChangeAsync(actor, projectId, runId, AuditActions.RunResumed, run =>
        {
            RequireOurs(run);
            if (!run.Status.CanResume())
                throw new UserErrorException("RunCanNotResume");
            (run.Status, run.Error, run.FinishedAt) = (RunStatus.Queued, null, null);
        }, cancellationToken);

    /// <summary>Deletes a run that has ended, with its events, and the task behind it where the platform still has it; a program's task stays. What it published and deployed stays.</summary>
    public async Task DeleteAsync(Actor actor, Guid projectId, Guid runId, CancellationToken cancellationToken)
    {
        Run run;
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditRuns, cancellationToken);
            run = await db.Runs.VisibleTo(actor).SingleOrDefaultAsync(r => r.Id == runId && r.ProjectId == projectId, cancellationToken) ?? throw new NotFoundException("run");
            if (!run.Status.CanDelete())
                throw new UserErrorException("RunCanNotDelete");
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            await db.ModelVersions.Where(v => v.RunId == runId).ExecuteUpdateAsync(v => v.SetProperty(x => x.RunId, (Guid?)null), cancellationToken);
            await db.Services.Where(s => s.RunId == runId).ExecuteUpdateAsync(s => s.SetProperty(x => x.RunId, (Guid?)null), cancellationToken);
            await db.ProgramTasks.Where(t => t.ConnectionId == run.ConnectionId && t.TaskId == run.TaskId).ExecuteDeleteAsync(cancellationToken);
            db.Runs.Remove(run);
            audit.Add(db, actor, AuditActions.RunDeleted, (run.Id, run.Name), teamId, projectId);
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        feed.PublishExistence(projectId, runId, exists: false);
        await DeleteTaskAsync(run, cancellationToken);
    }

    /// <summary>A project's runs, newest first.</summary>
    /// <param name="actor">Who asks.</param>
    /// <param name="projectId">The project.</param>
    /// <param name="status">Only runs of this status; all when null.</param>
    /// <param name="skip">Runs to leave out.</param>
    /// <param name="take">Most runs to return.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public async Task<RunPageOf> ListAsync(Actor actor, Guid projectId, RunStatus? status, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var runs = db.Runs.AsNoTracking().VisibleTo(actor).Where(r => r.ProjectId == projectId && (status == null || r.Status == status));
        var total = await runs.CountAsync(cancellationToken);
        var page = await Summaries(db, runs.OrderByDescending(r => r.CreatedAt).ThenByDescending(r => r.Id).Skip(skip).Take(take)).ToListAsync(cancellationToken);
        return new RunPageOf(page, total);
    }

    /// <summary>A run.</summary>
    /// <exception cref="NotFoundException">There is none, or it is another team's.</exception>
    public async Task<RunDetails> GetAsync(Actor actor, Guid projectId, Guid runId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var runs = db.Runs.AsNoTracking().VisibleTo(actor).Where(r => r.Id == runId && r.ProjectId == projectId);
        var summary = await Summaries(db, runs).SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("run");
        var more = await runs.Select(r => new
        {
            r.ConfigJson,
            r.DatasetId,
            r.TaskId,
            ConnectionName = r.Connection.Name,
            r.Error,
            ModelSetId = r.ModelVersion == null ? (Guid?)null : r.ModelVersion.ModelSetId,
            ModelName = r.ModelVersion == null ? null : r.ModelVersion.ModelSet.Name,
            r.ServiceId,
            ServiceName = r.Service == null ? null : r.Service.Name,
            ServiceType = r.Service == null ? null : r.Service.ServiceType,
        }).SingleAsync(cancellationToken);
        var lastOfEach = db.RunEvents
            .Where(e => e.RunId == runId && e.Kind == RunEventKind.Action && e.ActionClass != null)
            .GroupBy(e => e.ActionClass)
            .Select(g => g.Max(e => e.Sequence));
        var states = await db.RunEvents.AsNoTracking()
            .Where(e => e.RunId == runId && lastOfEach.Contains(e.Sequence))
            .Select(e => new { e.ActionClass, e.ActionState })
            .ToListAsync(cancellationToken);
        return new RunDetails
        {
            Run = summary,
            Config = RunConfig.Of(new Run { Name = summary.Name, ConfigJson = more.ConfigJson }),
            ConnectionName = more.ConnectionName,
            DatasetId = more.DatasetId,
            TaskId = more.TaskId,
            Error = more.Error,
            ActionStates = states.ToDictionary(s => s.ActionClass!, s => s.ActionState ?? "", StringComparer.Ordinal),
            ModelSetId = more.ModelSetId,
            ModelName = more.ModelName,
            ServiceId = more.ServiceId,
            ServiceName = more.ServiceName,
            ServiceType = more.ServiceType,
        };
    }

    /// <summary>The datasets that a run can start with, newest first.</summary>
    public async Task<IReadOnlyList<DatasetOption>> DatasetsAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var datasets = await db.Datasets.VisibleTo(actor)
            .Where(d => d.ProjectId == projectId && d.GoodRows > 0)
            .OrderByDescending(d => d.CreatedAt)
            .Select(d => new { d.Id, d.Name, d.GoodRows, d.ConnectionId, ConnectionName = d.Connection.Name, d.Format })
            .ToListAsync(cancellationToken);
        return [.. datasets.Select(d => new DatasetOption(d.Id, d.Name, d.GoodRows, d.ConnectionId, d.ConnectionName, ModeOf(d.Format)))];
    }

    /// <summary>What a connection's platform can train in that way, with limits and defaults.</summary>
    /// <exception cref="UserErrorException"><c>PlatformUnreachable</c>: it does not answer, or refuses.</exception>
    public async Task<IReadOnlyList<BaseModelOption>> BaseModelsAsync(Actor actor, Guid projectId, Guid connectionId, TrainMode mode, CancellationToken cancellationToken)
    {
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
            if (!await db.Connections.VisibleTo(actor).AnyAsync(c => c.Id == connectionId && c.ProjectId == projectId, cancellationToken))
                throw new NotFoundException("connection");
        }

        return await BaseModelsAsync(connectionId, mode, cancellationToken);
    }

    private static void Validate(RunConfig config, int goodRows, string datasetName, IReadOnlyList<BaseModelOption> models)
    {
        if (goodRows == 0)
            throw new UserErrorException("RunDatasetEmpty", datasetName);
        if (config.Train.TrainsetRate is < 0 or > HighestValidationPercent)
            throw new UserErrorException("RunValue", "validationPercent", $"0 – {HighestValidationPercent}");
        var model = models.FirstOrDefault(m => m.Name == config.BaseModel) ?? throw new UserErrorException("RunBaseModel", config.BaseModel);
        var method = config.Train.PeftType is { } peft ? model.Methods.FirstOrDefault(m => m.PeftType == peft.Normalized.Value) : model.Methods[0];
        if (method is null)
            throw new UserErrorException("RunValue", "parameterScale", string.Join(", ", model.Methods.Select(m => m.PeftType)));
        var given = config.Train.ToHyperParameters();
        foreach (var field in method.Fields)
            if (given[field.Key] is { } value && !field.Accepts(value.ToString()))
                throw new UserErrorException("RunValue", field.Key, field.Limits);
    }

    private static TrainMode ModeOf(string datasetFormat) => datasetFormat == Dataset.TextFormat ? TrainMode.PostPretrain : TrainMode.Sft;

    private static void RequireOurs(Run run)
    {
        if (run.Kind.IsReadOnly())
            throw new UserErrorException("RunReadOnly");
    }

    private static RunConfig Trimmed(RunConfig config) => config with
    {
        Name = config.Name.Trim(),
        ModelName = config.ModelName.Trim(),
        ServiceName = config.ServiceName.Trim(),
    };

    private static IQueryable<RunSummary> Summaries(PortalDbContext db, IQueryable<Run> runs) => runs.Select(r => new RunSummary
    {
        Id = r.Id,
        Name = r.Name,
        Kind = r.Kind,
        Status = r.Status,
        Progress = r.Progress,
        BaseModel = r.BaseModel,
        DatasetName = r.Dataset == null ? null : r.Dataset.Name,
        ByName = db.Users.Where(u => u.Id == r.CreatedById).Select(u => u.DisplayName != "" ? u.DisplayName : u.UserName).FirstOrDefault(),
        StartedByKey = r.StartedByKey,
        CreatedAt = r.CreatedAt,
        StartedAt = r.StartedAt,
        FinishedAt = r.FinishedAt,
    });

    private Run New(Actor actor, Guid projectId, Guid connectionId, RunKind kind, RunConfig config) => new()
    {
        ProjectId = projectId,
        ConnectionId = connectionId,
        Kind = kind,
        Name = config.Name,
        BaseModel = config.BaseModel,
        ConfigJson = config.ToJson(),
        CreatedById = actor.Kind is ActorKind.User ? actor.Id : null,
        CreatedAt = time.GetUtcNow(),
    };

    private async Task<Guid> AddAsync(PortalDbContext db, Actor actor, Guid teamId, Run run, CancellationToken cancellationToken)
    {
        db.Runs.Add(run);
        audit.Add(db, actor, AuditActions.RunStarted, (run.Id, run.Name), teamId, run.ProjectId);
        await db.SaveChangesAsync(cancellationToken);
        feed.PublishExistence(run.ProjectId, run.Id, exists: true);
        await ScheduleAsync(run.Id);
        return run.Id;
    }

    private async Task ChangeAsync(Actor actor, Guid projectId, Guid runId, string action, Action<Run> change, CancellationToken cancellationToken)
    {
        Guid teamId;
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.EditRuns, cancellationToken);
            if (!await db.Runs.VisibleTo(actor).AnyAsync(r => r.Id == runId && r.ProjectId == projectId, cancellationToken))
                throw new NotFoundException("run");
        }

        try
        {
            await store.AppendAsync(
                new RunAppend
                {
                    RunId = runId,
                    Durable = true,
                    Change = (db, run, _) =>
                    {
                        change(run);
                        audit.Add(db, actor, action, (run.Id, run.Name), teamId, projectId);
                        return ValueTask.CompletedTask;
                    },
                },
                cancellationToken);
        }
        catch (RunFencedException)
        {
            throw new NotFoundException("run");
        }

        await signals.StopAsync(action == AuditActions.RunStopped ? runId : Guid.Empty);
        await ScheduleAsync(runId);
    }

    // The run's row is written: should its job not be scheduled now, the sweep does it. What the person asked for has been done.
    private async Task ScheduleAsync(Guid runId)
    {
        try
        {
            await scheduler.ScheduleAsync(runId, CancellationToken.None);
        }
        catch (Quartz.SchedulerException e)
        {
            NotScheduled(logger, e, runId);
        }
    }

    private async Task<IReadOnlyList<BaseModelOption>> BaseModelsAsync(Guid connectionId, TrainMode mode, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        try
        {
            return BaseModelOption.From(await client.FineTuning.DescribeSupportedModelsAsync(cancellationToken), mode);
        }
        catch (QianfanException e)
        {
            Unreachable(logger, e, connectionId);
            throw new UserErrorException("PlatformUnreachable", e.Message);
        }
    }

    private async Task DeleteTaskAsync(Run run, CancellationToken cancellationToken)
    {
        if (run.PipelineState is not { } state || run.Kind is not RunKind.FineTune)
            return;
        try
        {
            var client = await clients.ForAsync(run.ConnectionId, cancellationToken);
            if (Pipeline.Loads(state, client).Actions.OfType<TrainAction>().FirstOrDefault()?.TaskId is { } taskId)
                await client.FineTuning.DeleteTaskAsync(taskId, cancellationToken);
        }
        catch (Exception e) when (e is QianfanException or NotFoundException)
        {
            // The run is deleted all the same: a platform that is gone must not keep its runs on the page.
            TaskNotDeleted(logger, e, run.Id);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The job of run {RunId} could not be scheduled; the next sweep tries again")]
    private static partial void NotScheduled(ILogger logger, Exception exception, Guid runId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The platform of connection {ConnectionId} does not tell what it can train")]
    private static partial void Unreachable(ILogger logger, Exception exception, Guid connectionId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The training task of the deleted run {RunId} could not be deleted on its platform")]
    private static partial void TaskNotDeleted(ILogger logger, Exception exception, Guid runId);
}
