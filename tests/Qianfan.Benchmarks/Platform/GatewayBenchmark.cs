using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Qianfan.Benchmarks.Platform;

/// <summary>What the platform adds to a call, beside a bare endpoint in the same process; how many calls a second it takes; and whether many streams at once lose anything.</summary>
internal sealed class GatewayBenchmark : IAsyncDisposable
{
    private const string Chat = """{"model":"qianfan-tiny","max_tokens":16,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What are your opening hours on Monday?"}]}""";
    private const string Path = "/v1/chat/completions";

    private readonly string _folder;
    private readonly BenchmarkServer _server;
    private readonly HttpClient _client;

    private GatewayBenchmark(string folder, BenchmarkServer server)
    {
        (_folder, _server) = (folder, server);
        _client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 4096, UseProxy = false }) { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(2) };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", BenchmarkServer.Key);
    }

    public static async Task<GatewayBenchmark> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-benchmark-").FullName;
        return new GatewayBenchmark(folder, await BenchmarkServer.StartAsync(folder));
    }

    /// <summary>500 requests a second to each in turn; the overhead is the difference of a round's two medians and 99th percentiles.</summary>
    public async Task OverheadAsync(int rounds, int seconds)
    {
        const int Rate = 500;
        var load = new Load(_client);
        List<(double Bare50, double Bare99, double Chat50, double Chat99)> found = [];
        List<(ServerRuntime Bare, ServerRuntime Chat)> runtimes = [];
        for (var round = 0; round <= rounds; round++)
        {
            var start = await RuntimeAsync();
            var (bare, bareFailed) = await load.SendAsync(BenchmarkServer.BareChat, Chat, Rate, TimeSpan.FromSeconds(seconds));
            var between = await RuntimeAsync();
            var (chat, chatFailed) = await load.SendAsync(Path, Chat, Rate, TimeSpan.FromSeconds(seconds));
            if (bareFailed + chatFailed > 0) throw new InvalidOperationException($"{bareFailed} bare and {chatFailed} chat calls failed.");
            var end = await RuntimeAsync();
            // The first round only warms up.
            if (round == 0) continue;
            runtimes.Add((between.Since(start), end.Since(between)));
            found.Add((Load.At(bare, 0.5), Load.At(bare, 0.99), Load.At(chat, 0.5), Load.At(chat, 0.99)));
        }

        Figures.Print(
            "gateway overhead",
            ("requestsPerSecond", Rate),
            ("bareMedianMs", Round(Figures.Median(found.Select(round => round.Bare50)))),
            ("chatMedianMs", Round(Figures.Median(found.Select(round => round.Chat50)))),
            ("overheadMedianMs", Round(Figures.Median(found.Select(round => round.Chat50 - round.Bare50)))),
            ("bareP99Ms", Round(Figures.Median(found.Select(round => round.Bare99)))),
            ("chatP99Ms", Round(Figures.Median(found.Select(round => round.Chat99)))),
            ("overheadP99Ms", Round(Figures.Median(found.Select(round => round.Chat99 - round.Bare99)))),
            ("bareServer", Describe(runtimes.Select(round => round.Bare))),
            ("chatServer", Describe(runtimes.Select(round => round.Chat))));
    }

    /// <summary>Raises the rate until the median passes 10 ms.</summary>
    public async Task RateAsync(int seconds)
    {
        var load = new Load(_client);
        await RampAsync(load, "bare", BenchmarkServer.BareChat, seconds);
        await RampAsync(load, "chat", Path, seconds);
    }

    /// <summary>Streams of 100 tokens a second each, all at once: each token has to come, in order.</summary>
    public async Task StreamsAsync(int streams, int tokens)
    {
        var ideal = (double)tokens / StubWorker.TokensPerSecond;
        await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => StreamAsync(StubWorker.TokensPerSecond)));
        var start = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => StreamAsync(tokens)));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Figures.Print(
            "concurrent streams",
            ("streams", streams),
            ("tokensEach", tokens),
            ("lostTokens", (long)streams * tokens - counts.Sum(count => (long)count)),
            ("seconds", Round(seconds)),
            ("idealSeconds", ideal),
            ("ratio", Round(seconds / ideal)));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task RampAsync(Load load, string name, string path, int seconds)
    {
        for (var rate = 500; rate <= 16_000; rate += rate < 4000 ? 500 : 2000)
        {
            var (times, failed) = await load.SendAsync(path, Chat, rate, TimeSpan.FromSeconds(seconds));
            Figures.Print("requests a second", ("endpoint", name), ("requestsPerSecond", rate), ("medianMs", Round(Load.At(times, 0.5))), ("p99Ms", Round(Load.At(times, 0.99))), ("failed", failed));
            if (Load.At(times, 0.5) > 10) return;
        }
    }

    /// <returns>How many tokens came, as long as each was the next one.</returns>
    private async Task<int> StreamAsync(int tokens)
    {
        using var content = new StringContent(new JsonObject
        {
            ["model"] = BenchmarkServer.Model,
            ["stream"] = true,
            ["max_tokens"] = tokens,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Count." }),
        }.ToJsonString(), Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
        using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var next = 0;
        while (await reader.ReadLineAsync() is { } line)
        {
            // {"...","choices":[{"index":0,"delta":{"content":"17 "}...: the client is not what is measured, so it looks for the text only.
            var at = line.IndexOf("\"content\":\"", StringComparison.Ordinal);
            if (at < 0) continue;
            at += "\"content\":\"".Length;
            foreach (var number in line[at..line.IndexOf('"', at)].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (number != $"{next}") return next;
                next++;
            }
        }

        return next;
    }

    /// <summary>What a round takes of the server's runtime: says what a slow percentile waits for.</summary>
    private static JsonObject Describe(IEnumerable<ServerRuntime> rounds) => new()
    {
        ["cpuMs"] = Round(Figures.Median(rounds.Select(round => round.CpuMilliseconds))),
        ["allocatedMb"] = Round(Figures.Median(rounds.Select(round => round.AllocatedMegabytes))),
        ["collections"] = Figures.Median(rounds.Select(round => (double)round.Gen0)),
        ["pauseMs"] = Round(Figures.Median(rounds.Select(round => round.PauseMilliseconds))),
    };

    private async Task<ServerRuntime> RuntimeAsync() => await _client.GetFromJsonAsync<ServerRuntime>(BenchmarkServer.Runtime) ?? throw new InvalidOperationException("The answer is null.");

    private static double Round(double value) => Math.Round(value, 3);
}
