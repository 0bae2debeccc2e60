using System.Security.Cryptography;
using System.Text;
using BenchmarkDotNet.Attributes;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Benchmarks.Sdk;

/// <summary>The signature of a console call. The baseline is what no signer can do without: two HMACs over the same texts.</summary>
public class SignBenchmark
{
    private const string Timestamp = "2026-11-26T00:00:00Z";

    private readonly KeyValuePair<string, string>[] _query = [KeyValuePair.Create("Action", "DescribeFineTuningTask")];
    private readonly KeyValuePair<string, string>[] _headers =
    [
        KeyValuePair.Create("host", "qianfan.baidubce.com"),
        KeyValuePair.Create("request-source", "qianfan_csharp_sdk_v0.1.0"),
        KeyValuePair.Create("x-bce-date", Timestamp),
        KeyValuePair.Create("content-type", "application/json"),
    ];

    private readonly byte[] _key = Encoding.ASCII.GetBytes(new string('s', 32));
    private readonly byte[] _request = Encoding.ASCII.GetBytes(new string('r', 220));

    [Benchmark]
    public string Sign() =>
        IamSigner.Sign("ALTAKb0123456789abcdefghi", "0123456789abcdef0123456789abcdef", "POST", "/v2/finetuning", _query, _headers, Timestamp);

    [Benchmark(Baseline = true)]
    public byte TwoHmacs()
    {
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData(_key, _request.AsSpan(0, 60), hash);
        HMACSHA256.HashData(_key, _request, hash);
        return hash[0];
    }

    internal static void Report(int rounds)
    {
        var measured = Rounds.Run<SignBenchmark>(rounds);
        var (sign, bare) = (measured[nameof(Sign)], measured[nameof(TwoHmacs)]);
        var one = new SignBenchmark();
        var cpu = Rounds.Cpu(rounds, (nameof(Sign), () => Done(one.Sign())), (nameof(TwoHmacs), () => Done(one.TwoHmacs())));
        Figures.Print(
            "sign",
            ("cpu_us", Math.Round(cpu[nameof(Sign)], 2)),
            ("median_us", Math.Round(sign.Microseconds, 2)),
            ("allocated_bytes", sign.Allocated),
            ("two_hmacs_cpu_us", Math.Round(cpu[nameof(TwoHmacs)], 2)),
            ("two_hmacs_us", Math.Round(bare.Microseconds, 2)),
            ("target", "under 10 us and 2048 bytes"));

        static Task Done(object result) => Task.CompletedTask;
    }
}
