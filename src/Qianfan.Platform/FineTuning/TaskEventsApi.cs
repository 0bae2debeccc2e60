using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.FineTuning;

/// <summary>A task's events as server-sent events: an extension of ours.</summary>
internal static class TaskEventsApi
{
    public static async Task StreamAsync(
        string taskId,
        HttpContext context,
        PlatformCaller caller,
        FineTuningService service,
        TaskEventFeed feed,
        IHostApplicationLifetime lifetime,
        IOptions<PlatformOptions> options,
        TimeProvider time)
    {
        var after = After(context.Request);
        var task = await service.GetTaskAsync(caller.OwnerId, taskId, context.RequestAborted);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var stream = new EventStream(context);
        await stream.StartAsync();
        try
        {
            await foreach (var events in feed.FollowAsync(task.Id, after, options.Value.KeepAlive, time, ending.Token))
            {
                if (events.Count == 0) stream.Comment("keep-alive");
                foreach (var entry in events) stream.Event(entry.Sequence, entry.Kind, entry.Data);
                await stream.FlushAsync(ending.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The answer ends here; the follower comes back with its last id.
        }
    }

    private static long After(HttpRequest request)
    {
        var text = request.Query["after"].ToString();
        var name = "after";
        if (text.Length == 0)
        {
            text = request.Headers["Last-Event-ID"].ToString();
            name = "Last-Event-ID";
        }

        if (text.Length == 0) return 0;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var after) ? after : throw PlatformException.Invalid(name, $"param[{name}] invalid: it must be the number of an event");
    }
}
