using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Services;

/// <summary>
/// Has the serving worker load what the services say: after each change of a service, and all of it again whenever the worker was started anew.
/// A version takes over from another once it is loaded, and models that nobody asks for any more leave the memory.
/// </summary>
internal sealed partial class DeploymentSupervisor(
    ServingWorker worker,
    IDbContextFactory<PlatformDbContext> contexts,
    ServiceDirectory directory,
    BaseModelCatalog baseModels,
    DataFolders folders,
    IHostApplicationLifetime lifetime,
    IOptions<PlatformOptions> options,
    TimeProvider time,
    ILogger<DeploymentSupervisor> logger) : BackgroundService
{
    private static readonly TimeSpan s_pauseAfterFault = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestSweep = TimeSpan.FromMinutes(1);

    private TaskCompletionSource _wake = NewWake();

    /// <summary>Says that a service has changed.</summary>
    public void Wake() => Interlocked.Exchange(ref _wake, NewWake()).TrySetResult();

    /// <summary>Lets the worker forget the versions of a service as it was, unless another needs them: once the answers under way are finished.</summary>
    public async Task ReleaseAsync(ServiceRow service, CancellationToken cancellationToken)
    {
        if (worker.Current is not { } session) return;
        var needed = await NeededAsync(cancellationToken);
        foreach (var version in new[] { service.Model, service.Next })
        {
            if (version is not null && !needed.Contains(version.PublicId)) await session.Models.RetireAsync(version.PublicId);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await RestartAsync(stopping.Token);
                await ServeAsync(await worker.SessionAsync(stopping.Token), stopping.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (PlatformException exception)
            {
                // The worker does not start: services say so until it does.
                await FailAllAsync(exception.Message, stopping.Token);
            }
            catch (Exception exception) when (exception is DbUpdateException or System.Data.Common.DbException)
            {
                LogFault(logger, exception);
                await Task.Delay(s_pauseAfterFault, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static TaskCompletionSource NewWake() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>As long as this worker lives.</summary>
    private async Task ServeAsync(ServingSession session, CancellationToken cancellationToken)
    {
        foreach (var model in baseModels.List()) await LoadBaseAsync(session, model, cancellationToken);
        foreach (var service in await ServingAsync(cancellationToken)) await WarmAsync(session, service, cancellationToken);
        while (!session.Ended.IsCompleted)
        {
            var woken = _wake.Task;
            if (await NextAsync(cancellationToken) is not { } service)
            {
                using var sweep = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(woken, session.Ended, Task.Delay(SweepInterval, time, sweep.Token));
                await sweep.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
                await SweepAsync(session, cancellationToken);
            }
            else if (service.State == ServiceState.New)
            {
                await DeployAsync(session, service, cancellationToken);
            }
            else
            {
                await SwitchAsync(session, service, cancellationToken);
            }
        }
    }

    private TimeSpan SweepInterval => options.Value.ServiceIdleTimeout is var idle && idle > TimeSpan.Zero && idle < s_longestSweep ? idle : s_longestSweep;

    /// <summary>What was under way when the worker ended begins anew. What was serving goes on serving: a call waits until the worker is there and has its model.</summary>
    private async Task RestartAsync(CancellationToken cancellationToken) => await directory.ChangeAsync(context => context.Services
        .Where(service => service.State == ServiceState.Deploying)
        .ExecuteUpdateAsync(set => set.SetProperty(service => service.State, ServiceState.New), cancellationToken), cancellationToken);

    private async Task<ServiceRow?> NextAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Services.AsNoTracking().Include(service => service.Model).Include(service => service.Next)
            .Where(service => service.State == ServiceState.New || (service.State == ServiceState.Serving && service.NextVersionId != null))
            .OrderBy(service => service.Id)
            .FirstOrDefaultAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<ServiceRow>> ServingAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Services.AsNoTracking().Include(service => service.Model).Where(service => service.State == ServiceState.Serving).OrderBy(service => service.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Versions that services serve or are to serve.</summary>
    private async Task<HashSet<string>> NeededAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var versions = await context.Services.Where(service => service.State != ServiceState.Stopped)
            .Select(service => new { Now = service.Model.PublicId, Next = service.Next == null ? null : service.Next.PublicId })
            .ToListAsync(cancellationToken);
        return versions.SelectMany(version => new[] { version.Now, version.Next }).OfType<string>().ToHashSet(StringComparer.Ordinal);
    }

    private async Task SweepAsync(ServingSession session, CancellationToken cancellationToken)
    {
        if (options.Value.ServiceIdleTimeout > TimeSpan.Zero)
        {
            foreach (var key in session.Models.UnloadIdle(options.Value.ServiceIdleTimeout)) LogIdle(logger, key);
        }

        // A call that was on its way when its service got another version has loaded the old one again.
        var needed = await NeededAsync(cancellationToken);
        needed.UnionWith(baseModels.List().Select(model => ModelSpec.Of(model, folders).Key));
        foreach (var key in session.Models.Keys.Where(key => !needed.Contains(key))) await session.Models.RetireAsync(key);
    }

    /// <summary>The first call after a start of the worker needn't wait.</summary>
    private async Task WarmAsync(ServingSession session, ServiceRow service, CancellationToken cancellationToken)
    {
        var error = await LoadAsync(session, ModelSpec.Of(service.Model, folders), cancellationToken);
        if (session.Ended.IsCompleted) return;
        if (error is not null) LogFailed(logger, service.PublicId, error.Message);
        // What finds no room now may find some when it is called and others are idle.
        var serves = error is null or { Code: WorkerErrors.OutOfMemory };
        await MoveAsync(service, ServiceState.Serving, serves ? ServiceState.Serving : ServiceState.Failed, error?.Message ?? service.Error, cancellationToken);
    }

    private async Task DeployAsync(ServingSession session, ServiceRow service, CancellationToken cancellationToken)
    {
        if (!await MoveAsync(service, ServiceState.New, ServiceState.Deploying, null, cancellationToken)) return;
        var error = await LoadAsync(session, ModelSpec.Of(service.Model, folders), cancellationToken);
        // A worker that ended takes its services with it to its successor.
        if (session.Ended.IsCompleted) return;
        if (error is not null) LogFailed(logger, service.PublicId, error.Message);
        var moved = await MoveAsync(service, ServiceState.Deploying, error is null ? ServiceState.Serving : ServiceState.Failed, error?.Message, cancellationToken);
        if (!moved) await ReleaseAsync(service, cancellationToken);
    }

    /// <summary>Loads the next version beside the one that answers, and then lets it take over: no call falls between them.</summary>
    private async Task SwitchAsync(ServingSession session, ServiceRow service, CancellationToken cancellationToken)
    {
        var fault = await LoadAsync(session, ModelSpec.Of(service.Next!, folders), cancellationToken);
        if (session.Ended.IsCompleted) return;
        var error = fault is null ? null : $"Version {service.Next!.PublicId} was not taken: {fault.Message}";
        if (error is not null) LogFailed(logger, service.PublicId, error);
        var version = error is null ? service.NextVersionId!.Value : service.ModelVersionId;
        await directory.ChangeAsync(async context =>
        {
            // Unless someone changed it meanwhile: yet another model, rolled back, stopped, deleted.
            var moved = await context.Services
                .Where(row => row.Id == service.Id && row.State == ServiceState.Serving && row.NextVersionId == service.NextVersionId)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.ModelVersionId, version).SetProperty(row => row.NextVersionId, (int?)null).SetProperty(row => row.Error, error), cancellationToken);
            if (moved == 1) await RememberAsync(context, service.Id, version, cancellationToken);
            return moved;
        }, cancellationToken);
        await ReleaseAsync(service, cancellationToken);
    }

    /// <summary>The newest entry of the history is what is served.</summary>
    private async Task RememberAsync(PlatformDbContext context, int serviceId, int versionId, CancellationToken cancellationToken)
    {
        var newest = await context.ServedVersions.Where(row => row.ServiceId == serviceId).OrderByDescending(row => row.Id).Select(row => (int?)row.ModelVersionId).FirstOrDefaultAsync(cancellationToken);
        if (newest == versionId) return;
        context.ServedVersions.Add(new ServedVersionRow { ServiceId = serviceId, ModelVersionId = versionId, Since = time.GetUtcNow() });
        await context.SaveChangesAsync(cancellationToken);
    }

    private async Task LoadBaseAsync(ServingSession session, BaseModel model, CancellationToken cancellationToken)
    {
        if (await LoadAsync(session, ModelSpec.Of(model, folders), cancellationToken) is { } error) LogFailed(logger, model.Name, error.Message);
    }

    /// <returns>Why it can't be loaded, or null.</returns>
    private async Task<WorkerRequestException?> LoadAsync(ServingSession session, ModelSpec model, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(options.Value.ModelLoadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using var use = await session.Models.UseAsync(model, either.Token);
            return null;
        }
        catch (WorkerRequestException exception)
        {
            return exception;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new WorkerRequestException(WorkerRequestException.TooSlow, $"The model was not loaded within {options.Value.ModelLoadTimeout.TotalSeconds:0} seconds");
        }
    }

    /// <summary>Moves a service on, unless someone changed it meanwhile: another model, stopped, deleted.</summary>
    private Task<bool> MoveAsync(ServiceRow service, ServiceState from, ServiceState to, string? error, CancellationToken cancellationToken) => directory.ChangeAsync(async context =>
    {
        var moved = await context.Services
            .Where(row => row.Id == service.Id && row.State == from && row.ModelVersionId == service.ModelVersionId)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.State, to).SetProperty(row => row.Error, error), cancellationToken) == 1;
        if (moved && to == ServiceState.Serving) await RememberAsync(context, service.Id, service.ModelVersionId, cancellationToken);
        return moved;
    }, cancellationToken);

    private async Task FailAllAsync(string reason, CancellationToken cancellationToken) => await directory.ChangeAsync(context => context.Services
        .Where(service => service.State == ServiceState.New)
        .ExecuteUpdateAsync(set => set.SetProperty(service => service.Error, reason), cancellationToken), cancellationToken);

    [LoggerMessage(LogLevel.Warning, "{Model} can't be served: {Reason}")]
    private static partial void LogFailed(ILogger logger, string model, string reason);

    [LoggerMessage(LogLevel.Information, "{Model} has been idle and leaves the memory; the next call brings it back")]
    private static partial void LogIdle(ILogger logger, string model);

    [LoggerMessage(LogLevel.Error, "The services can't be read or changed")]
    private static partial void LogFault(ILogger logger, Exception exception);
}
