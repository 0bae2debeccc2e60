using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
using Qianfan.Platform.Spending;
using Qianfan.Platform.Usage;

namespace Qianfan.Platform.Inference;

/// <summary>One inference call: what it may cost is reserved before its work, what it did cost is settled and recorded after, however it ends.</summary>
internal sealed class InferenceCall
{
    private readonly HttpContext _context;
    private readonly InferenceCalls _calls;
    private readonly PlatformCaller _caller;
    private readonly UsageRecord _record;
    private readonly long _began;
    private RateLease? _rate;
    private Reservation? _reservation;

    private InferenceCall(HttpContext context, InferenceCalls calls)
    {
        (_context, _calls, _caller, _began) = (context, calls, PlatformCaller.Of(context), calls.Time.GetTimestamp());
        _record = new UsageRecord
        {
            OwnerId = _caller.OwnerId,
            AccessKey = _caller.Key.AccessKey,
            Api = context.GetEndpoint()!.Metadata.GetRequiredMetadata<ApiFamily>().Generation,
            Status = StatusCodes.Status200OK,
            Time = calls.Time.GetUtcNow(),
        };
    }

    /// <summary>Makes every request to a route such a call.</summary>
    public static void Around(IEndpointConventionBuilder route) => route.Finally(endpoint =>
    {
        var inner = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = context => RunAsync(context, inner);
    });

    /// <summary>The call that a request to such a route is.</summary>
    public static InferenceCall Of(HttpContext context) => context.Features.GetRequiredFeature<InferenceCall>();

    /// <summary>Reserves the most tokens that the call can cost.</summary>
    /// <param name="callee">Who is to answer.</param>
    /// <param name="tokens">Most tokens, of prompts and answers.</param>
    /// <exception cref="PlatformException">A limit is reached.</exception>
    public async ValueTask ReserveAsync(Callee callee, long tokens)
    {
        (_record.Model, _record.ServiceId) = (callee.Name, callee.ServiceId);
        _rate = _calls.Rates.Enter(_context, _caller.Key, tokens);
        _reservation = await _calls.Budgets.ReserveAsync(_caller.OwnerId, tokens, _context.RequestAborted);
    }

    /// <summary>Says that the first token is there.</summary>
    public void FirstToken() => _record.FirstTokenMilliseconds ??= Elapsed();

    /// <summary>Tells what was used so far.</summary>
    public void Use(long promptTokens, long completionTokens, long cachedTokens) =>
        (_record.PromptTokens, _record.CompletionTokens, _record.CachedTokens) = (promptTokens, completionTokens, cachedTokens);

    /// <summary>Says that the call has failed after its answer began.</summary>
    public void Fail(PlatformException error)
    {
        _record.Status = error.Status;
        if (error.Status >= StatusCodes.Status500InternalServerError) _calls.Troubles.Note(_record.ServiceId, error.Message);
    }

    private static async Task RunAsync(HttpContext context, RequestDelegate inner)
    {
        var call = new InferenceCall(context, context.RequestServices.GetRequiredService<InferenceCalls>());
        context.Features.Set(call);
        try
        {
            await inner(context);
        }
        catch (Exception exception)
        {
            if (exception is PlatformException platform) call.Fail(platform);
            else call._record.Status = exception switch
            {
                BadHttpRequestException error => error.StatusCode,
                OperationCanceledException when context.RequestAborted.IsCancellationRequested => StatusCodes.Status499ClientClosedRequest,
                _ => StatusCodes.Status500InternalServerError,
            };
            throw;
        }
        finally
        {
            await call.EndAsync();
        }
    }

    private async ValueTask EndAsync()
    {
        var used = _record.PromptTokens + _record.CompletionTokens;
        _rate?.Settle(used);
        _record.Milliseconds = Elapsed();
        await _calls.Records.WriteAsync(_record, _reservation?.Spend(used) ?? []);
    }

    private int Elapsed() => (int)_calls.Time.GetElapsedTime(_began).TotalMilliseconds;
}

/// <summary>What inference calls need.</summary>
internal sealed record InferenceCalls(RateLimits Rates, Budgets Budgets, UsageWriter Records, ServiceTroubles Troubles, TimeProvider Time);
