using System.Text.Json;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Counts the tokens of datasets after their rows have changed, one dataset and base model at a time, in a child process. What isn't counted yet is its queue, so that a restart forgets nothing.</summary>
internal sealed partial class TokenCounter(
    IDbContextFactory<PlatformDbContext> contexts, DataFolders folders, BaseModelCatalog models, IWorkerLauncher launcher, IOptions<PlatformOptions> options, TimeProvider time, ILogger<TokenCounter> logger)
    : BackgroundService
{
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Says that rows have changed.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        try
        {
            await ForgetFailuresAsync(stoppingToken);
            do
            {
                while (await NextAsync(stoppingToken) is { } job) await SaveAsync(await CountAsync(job, stoppingToken), stoppingToken);
                await _wake.Reader.WaitToReadAsync(stoppingToken);
            }
            while (_wake.Reader.TryRead(out _));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // A count under way is done again at the next start.
        }
    }

    private sealed record Job(DatasetRow Dataset, string RowsFile, string Model, int MaxSeqLen);

    private async Task ForgetFailuresAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.TokenCounts.Where(count => count.Error != null).ExecuteDeleteAsync(cancellationToken);
    }

    private async Task<Job?> NextAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        foreach (var model in Models())
        {
            var dataset = await context.Datasets.AsNoTracking()
                .Where(row => row.RowsFile != null && !context.TokenCounts.Any(count => count.DatasetId == row.Id && count.Model == model.Name && count.RowsFile == row.RowsFile))
                .OrderBy(row => row.ModifiedAt).ThenBy(row => row.Id)
                .FirstOrDefaultAsync(cancellationToken);
            if (dataset is not null) return new Job(dataset, dataset.RowsFile!, model.Name, MaxSeqLen(model));
        }

        return null;
    }

    /// <summary>The base models, each once: not by their other names.</summary>
    private IReadOnlyList<BaseModel> Models()
    {
        try
        {
            return [.. models.List().Where(model => !options.Value.ModelAliases.ContainsKey(model.Name))];
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            LogModels(logger, exception);
            return [];
        }
    }

    private static int MaxSeqLen(BaseModel model) =>
        model.ParameterScales.TryGetValue(model.DefaultParameterScale, out var limits) && limits.TryGetValue("maxSeqLen", out var limit) && limit.Default.TryGetInt32(out var length)
            ? Math.Min(length, model.ContextLength)
            : model.ContextLength;

    private async Task<TokenCountRow> CountAsync(Job job, CancellationToken cancellationToken)
    {
        var result = new TokenCountRow { DatasetId = job.Dataset.Id, Model = job.Model, RowsFile = job.RowsFile, MaxSeqLen = job.MaxSeqLen };
        try
        {
            var path = Path.Combine(folders.Dataset(job.Dataset.PublicId), job.RowsFile);
            var counted = await AskAsync(new CountTokens(job.Dataset.PublicId, folders.BaseModel(job.Model), path, job.MaxSeqLen), cancellationToken);
            (result.Rows, result.Tokens, result.TruncatedRows) = (counted.Rows, counted.Tokens, counted.TruncatedRows);
            (result.Median, result.Percentile95, result.Longest) = (counted.Median, counted.Percentile95, counted.Longest);
        }
        catch (WorkerException exception)
        {
            LogFailed(logger, job.Dataset.PublicId, exception.Message);
            result.Error = exception.Message;
        }

        return result;
    }

    private async Task<TokensCounted> AskAsync(CountTokens request, CancellationToken cancellationToken)
    {
        await using var worker = launcher.Launch(WorkerMode.Count);
        await worker.SendAsync(request, cancellationToken);
        while (await worker.ReadAliveAsync("counting worker", time, cancellationToken) is { } message)
        {
            switch (message)
            {
                case TokensCounted counted:
                    return counted;
                case RequestFailed failed:
                    throw new WorkerException(failed.Message);
                case WorkerHello hello when hello.Mismatch() is { } mismatch:
                    throw new WorkerException(mismatch);
            }
        }

        throw new WorkerException((await worker.WaitAsync(cancellationToken)).Describe());
    }

    private async Task SaveAsync(TokenCountRow result, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        // Gone or changed meanwhile: what was counted is of no use.
        if (!await context.Datasets.AnyAsync(row => row.Id == result.DatasetId && row.RowsFile == result.RowsFile, cancellationToken)) return;
        await context.TokenCounts.Where(count => count.DatasetId == result.DatasetId && count.Model == result.Model).ExecuteDeleteAsync(cancellationToken);
        context.TokenCounts.Add(result);
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Dataset {Dataset}: its tokens can't be counted: {Reason}")]
    private static partial void LogFailed(ILogger logger, string dataset, string reason);

    [LoggerMessage(LogLevel.Warning, "No tokens are counted: the base models can't be read")]
    private static partial void LogModels(ILogger logger, Exception exception);
}
