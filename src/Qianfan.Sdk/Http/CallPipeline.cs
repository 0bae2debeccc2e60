using System.Diagnostics.CodeAnalysis;
using System.Net;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Qianfan.Sdk.Http;

/// <summary>What stands between a call and its attempts: repetition, the client's own limits, and the time for each attempt. Thread-safe.</summary>
internal sealed class CallPipeline
{
    private static readonly ResiliencePropertyKey<QianfanCall> s_call = new("qianfan.call");
    private readonly ResiliencePipeline _pipeline;

    public CallPipeline(RateLimits? limits, TimeProvider time)
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        builder.AddRetry(new RetryStrategyOptions
        {
            // How often, how long and for what differs from call to call.
            MaxRetryAttempts = int.MaxValue,
            ShouldHandle = static args => ValueTask.FromResult(args.Outcome.Exception is { } e && IsWorthAnotherAttempt(Call(args.Context), args.AttemptNumber, e)),
            DelayGenerator = static args => ValueTask.FromResult<TimeSpan?>(Wait(Call(args.Context).Retry, args.AttemptNumber + 1, args.Outcome.Exception)),
        });
        if (limits is not null)
        {
            AddLimits(builder, limits);
        }

        builder.AddTimeout(new TimeoutStrategyOptions { TimeoutGenerator = static args => ValueTask.FromResult(Call(args.Context).Timeout) });
        _pipeline = builder.Build();
    }

    /// <summary>Attempts a call until it succeeds, isn't worth another attempt, or has used up its attempts.</summary>
    public async ValueTask<T> ExecuteAsync<T, TState>(QianfanCall call, Func<ResilienceContext, TState, ValueTask<T>> attempt, TState state, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        context.Properties.Set(s_call, call);
        try
        {
            return await _pipeline.ExecuteAsync(attempt, context, state).ConfigureAwait(false);
        }
        catch (TimeoutRejectedException e)
        {
            throw new QianfanRequestException($"No answer from {QianfanTransport.Where(call)} in time.", null, e);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>The wait after a failed attempt, counted from 1.</summary>
    public static TimeSpan Wait(RetryOptions retry, int attempt, Exception? failure)
    {
        var backoff = (retry.BackoffFactor * Math.Pow(2, Math.Min(attempt - 1, 30))) + (retry.Jitter * Random.Shared.NextDouble());
        var wanted = failure is QianfanApiException { RetryAfter: { } after } && after > backoff ? after : backoff;
        return wanted < retry.MaxWait ? wanted : retry.MaxWait;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The options have no members that could be validated.")]
    private static void AddLimits(ResiliencePipelineBuilder builder, RateLimits limits) => builder.AddStrategy(_ => new RateLimitStrategy(limits), new RateLimitStrategy.Options());

    private static QianfanCall Call(ResilienceContext context) => context.Properties.GetValue(s_call, null!);

    private static bool IsWorthAnotherAttempt(QianfanCall call, int repetitions, Exception failure) => repetitions + 1 < call.Retry.MaxAttempts && failure switch
    {
        QianfanAuthenticationException => false,
        QianfanApiException e => (call.Retry.Codes.Contains(e.Code) && (call.Idempotent || e.Code != QianfanErrorCodes.ConsoleInternalError)) || IsBusy(e.StatusCode, call),
        QianfanRequestException { NotSent: true } => true,
        QianfanRequestException { StatusCode: { } status } => IsBusy(status, call),
        QianfanRequestException or TimeoutRejectedException => call.Idempotent,
        _ => false,
    };

    private static bool IsBusy(HttpStatusCode status, QianfanCall call) =>
        status == HttpStatusCode.TooManyRequests
        || (call.Idempotent && status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout);

    /// <summary>Lets each attempt wait for its turn.</summary>
    private sealed class RateLimitStrategy(RateLimits limits) : ResilienceStrategy
    {
        protected override async ValueTask<Outcome<TResult>> ExecuteCore<TResult, TState>(Func<ResilienceContext, TState, ValueTask<Outcome<TResult>>> callback, ResilienceContext context, TState state)
        {
            if (Call(context).Cost is { } cost)
            {
                try
                {
                    await limits.WaitAsync(cost, context.CancellationToken).ConfigureAwait(false);
                }
                catch (Exception e) when (e is OperationCanceledException or QianfanException)
                {
                    return Outcome.FromException<TResult>(e);
                }
            }

            return await callback(context, state).ConfigureAwait(false);
        }

        public sealed class Options : ResilienceStrategyOptions;
    }
}
