using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;

namespace Qianfan.Platform.Services;

/// <summary>Has the serving worker load what the services say: after each change of a service, and all of it again whenever the worker was started anew.</summary>
internal sealed partial class DeploymentSupervisor(
    ServingWorker worker,
    IDbContextFactory<PlatformDbContext> contexts,
    BaseModelCatalog baseModels,
    DataFolders folders,
    IHostApplicationLifetime lifetime,
    IOptions<PlatformOptions> options,
    TimeProvider time,
    ILogger<DeploymentSupervisor> logger) : BackgroundService
{
    private static readonly TimeSpan s_pauseAfterFault = TimeSpan.FromSeconds(5);

    private TaskCompletionSource _wake = NewWake();

    /// <summary>Says that a service has changed.</summary>
    public void Wake() => Interlocked.Exchange(ref _wake, NewWake()).TrySetResult();

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
        while (!session.Ended.IsCompleted)
        {
            var woken = _wake.Task;
            if (await NextAsync(cancellationToken) is { } service) await DeployAsync(session, service, cancellationToken);
            else await Task.WhenAny(woken, session.Ended).WaitAsync(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A new worker has nothing loaded: whatever was served is to be loaded again.</summary>
    private async Task RestartAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Services
            .Where(service => service.State == ServiceState.Serving || service.State == ServiceState.Deploying)
            .ExecuteUpdateAsync(set => set.SetProperty(service => service.State, ServiceState.New), cancellationToken);
    }

    private async Task<ServiceRow?> NextAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Services.AsNoTracking().Include(service => service.Model)
            .Where(service => service.State == ServiceState.New)
            .OrderBy(service => service.Id)
            .FirstOrDefaultAsync(cancellationToken);
    }

    private async Task DeployAsync(ServingSession session, ServiceRow service, CancellationToken cancellationToken)
    {
        if (!await MoveAsync(service, ServiceState.New, ServiceState.Deploying, null, cancellationToken)) return;
        var error = await LoadAsync(session, ModelSpec.Of(service.Model, folders), cancellationToken);
        // A worker that ended takes its services with it to its successor.
        if (session.Ended.IsCompleted) return;
        if (error is not null) LogFailed(logger, service.PublicId, error);
        await MoveAsync(service, ServiceState.Deploying, error is null ? ServiceState.Serving : ServiceState.Failed, error, cancellationToken);
    }

    private async Task LoadBaseAsync(ServingSession session, BaseModel model, CancellationToken cancellationToken)
    {
        if (await LoadAsync(session, ModelSpec.Of(model, folders), cancellationToken) is { } error) LogFailed(logger, model.Name, error);
    }

    /// <returns>Why it can't be loaded, or null.</returns>
    private async Task<string?> LoadAsync(ServingSession session, ModelSpec model, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(options.Value.ModelLoadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await session.LoadAsync(model, either.Token);
            return null;
        }
        catch (WorkerRequestException exception)
        {
            return exception.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"The model was not loaded within {options.Value.ModelLoadTimeout.TotalSeconds:0} seconds";
        }
    }

    /// <summary>Moves a service on, unless someone changed it meanwhile: another model, stopped, deleted.</summary>
    private async Task<bool> MoveAsync(ServiceRow service, ServiceState from, ServiceState to, string? error, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Services
            .Where(row => row.Id == service.Id && row.State == from && row.ModelVersionId == service.ModelVersionId)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.State, to).SetProperty(row => row.Error, error), cancellationToken) == 1;
    }

    private async Task FailAllAsync(string reason, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Services.Where(service => service.State == ServiceState.New)
            .ExecuteUpdateAsync(set => set.SetProperty(service => service.Error, reason), cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "{Model} can't be served: {Reason}")]
    private static partial void LogFailed(ILogger logger, string model, string reason);

    [LoggerMessage(LogLevel.Error, "The services can't be read or changed")]
    private static partial void LogFault(ILogger logger, Exception exception);
}
