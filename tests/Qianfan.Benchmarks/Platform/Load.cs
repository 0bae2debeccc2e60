using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace Qianfan.Benchmarks.Platform;

/// <summary>Sends requests at a fixed rate, whether earlier ones were answered or not: a server that falls behind can't slow its load down.</summary>
internal sealed class Load(HttpClient client)
{
    /// <summary>Milliseconds from the moment a request was due to the end of its answer, sorted; and how many failed.</summary>
    public async Task<(double[] Milliseconds, int Failed)> SendAsync(string path, string body, int perSecond, TimeSpan duration)
    {
        var total = (int)(perSecond * duration.TotalSeconds);
        var times = new ConcurrentBag<double>();
        var failed = 0;
        var running = new List<Task>(total);
        var start = Stopwatch.GetTimestamp();
        for (var sent = 0; sent < total;)
        {
            var due = (int)Math.Min(total, Stopwatch.GetElapsedTime(start).TotalSeconds * perSecond + 1);
            for (; sent < due; sent++) running.Add(OneAsync(start + (long)(sent * (double)Stopwatch.Frequency / perSecond)));
            if (sent < total) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
        }

        await Task.WhenAll(running);
        return ([.. times.Order()], failed);

        async Task OneAsync(long due)
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await client.PostAsync(path, content);
            await answer.Content.ReadAsByteArrayAsync();
            if (!answer.IsSuccessStatusCode) Interlocked.Increment(ref failed);
            times.Add(Stopwatch.GetElapsedTime(Math.Min(due, Stopwatch.GetTimestamp())).TotalMilliseconds);
        }
    }

    public static double At(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
}
