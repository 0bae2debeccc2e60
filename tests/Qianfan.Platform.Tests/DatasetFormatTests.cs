using System.Text;
using System.Text.Json.Serialization;
using Parquet;
using Parquet.Serialization;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every form of a file becomes the same rows, whatever it is called; and what is broken is told with its line.</summary>
public sealed class DatasetFormatTests
{
    private const string Plain = """{"messages":[{"role":"user","content":"a","weight":1},{"role":"assistant","content":"b","weight":1}]}""";
    private const string WithSystem = """{"messages":[{"role":"system","content":"s","weight":1},{"role":"user","content":"a","weight":1},{"role":"assistant","content":"b","weight":1}]}""";
    private const string Weighed = """{"messages":[{"role":"system","content":"s","weight":1},{"role":"user","content":"a","weight":1},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"c","weight":1},{"role":"assistant","content":"d","weight":1}]}""";

    [Theory]
    [InlineData("""[{"prompt":"a","response":[["b"]]}]""", Plain)]
    [InlineData("""[{"system":"s","prompt":"a","response":[["b"]],"weight":0},{"prompt":"c","response":"d"}]""", Weighed)]
    [InlineData("""{"messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]}""", WithSystem)]
    [InlineData("""{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b","weight":0},{"from":"user","value":"c"},{"from":"assistant","value":"d"}]}""", Weighed)]
    [InlineData("""{"system":"s","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}""", WithSystem)]
    [InlineData("""[{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}]""", Plain)]
    [InlineData("""{"instruction":"a","input":"","output":"b"}""", Plain)]
    [InlineData("\uFEFFprompt,response,system\r\na,b,s\r\n", WithSystem)]
    [InlineData("\uFEFF[\n{\"prompt\":\"\\u0061\",\"response\":\"b\"}\r\n]", Plain)]
    public async Task Text_of_any_form_becomes_messages(string text, string row)
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, info) = await host.Client.ImportAsync(Encoding.UTF8.GetBytes(text), name: "anything.bin");
        info["importStatus"]!.GetValue<int>().ShouldBe(2, info.ToJsonString());
        (await host.Client.RowsAsync(id)).ShouldBe([row]);
    }

    [Fact]
    public async Task Joined_texts_keep_their_escapes()
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, info) = await host.Client.ImportAsync("""{"instruction":"a\"","input":"\u4f60\n","output":"b\\"}"""u8.ToArray());
        info["characterCount"]!.GetValue<int>().ShouldBe(7);
        (await host.Client.RowsAsync(id)).ShouldBe(["""{"messages":[{"role":"user","content":"a\"\n你\n","weight":1},{"role":"assistant","content":"b\\","weight":1}]}"""]);
    }

    [Theory]
    [InlineData("{\"text\":\"one\"}\n{\"text\":\"two\"}")]
    [InlineData("one\r\ntwo\n")]
    [InlineData("text\none\ntwo\n")]
    [InlineData("[\"one\",\"two\"]")]
    public async Task Generic_text_is_kept_and_counted_and_SFT_does_not_take_it(string text)
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, info) = await host.Client.ImportAsync(Encoding.UTF8.GetBytes(text), templateType: 40100);
        info["entityCount"]!.GetValue<int>().ShouldBe(2, info.ToJsonString());
        (await host.Client.RowsAsync(id)).ShouldBe(["""{"text":"one"}""", """{"text":"two"}"""]);
        (await host.Client.CountedAsync(id))["tokenStatistics"]![0]!["tokenCount"]!.GetValue<int>().ShouldBe(6);
        (await host.Client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        var job = (await host.Client.V2Async("finetuning", "CreateFineTuningJob", new { name = "job", model = "qianfan-tiny", trainMode = "SFT" })).Result().Text("jobId");
        var refused = await host.Client.V2Async("finetuning", "CreateFineTuningTask", new { jobId = job, parameterScale = "LoRA", hyperParameterConfig = new { }, datasetConfig = new { sourceType = "Platform", versions = new[] { new { versionId = id } }, splitRatio = 0 } });
        refused.Text("message").ShouldContain("holds texts");
    }

    [Fact]
    public async Task Parquet_is_read_group_by_group_and_its_rows_are_checked_like_others()
    {
        await using var host = await PlatformHost.StartAsync();
        var file = await ParquetAsync(
        [
            new Row { Messages = [new Turn { Role = "user", Content = "a" }, new Turn { Role = "assistant", Content = "b" }] },
            new Row { Messages = [new Turn { Role = "user", Content = "" }, new Turn { Role = "assistant", Content = "b" }] },
            new Row { Prompt = "a", Response = "b" },
            new Row { Conversations = [new Said { From = "human", Value = "a" }, new Said { From = "gpt", Value = "b" }] },
            new Row { Instruction = "\"quoted\"\n", Output = "你好" },
        ]);
        var (id, info) = await host.Client.ImportAsync(file, name: "rows.jsonl");
        info["entityCount"]!.GetValue<int>().ShouldBe(4, info.ToJsonString());
        (await host.Client.RowsAsync(id)).ShouldBe([Plain, Plain, Plain, """{"messages":[{"role":"user","content":"\"quoted\"\n","weight":1},{"role":"assistant","content":"你好","weight":1}]}"""]);
        var errors = await host.Client.ErrorsAsync(id);
        errors.ShouldHaveSingleItem().Line.ShouldBe(2);
        errors[0].Message.ShouldContain("content");
    }

    [Fact]
    public async Task Broken_parquet_is_told_and_harms_nobody()
    {
        await using var host = await PlatformHost.StartAsync();
        var good = await ParquetAsync([.. Enumerable.Range(0, 50).Select(i => new Row { Prompt = $"question {i}", Response = $"answer {i}" })]);
        var random = new Random(5);
        for (var i = 0; i < 30; i++)
        {
            var broken = (byte[])good.Clone();
            if (i % 2 == 0) Array.Resize(ref broken, random.Next(4, good.Length - 1));
            else for (var k = 0; k < 8; k++) broken[random.Next(4, good.Length)] = (byte)random.Next(256);
            var (_, info) = await host.Client.ImportAsync(broken);
            // A byte that nobody reads may be anything.
            if (info["importStatus"]!.GetValue<int>() == 3 && i % 2 == 0) info.Text("importErrorInfo").ShouldContain("Parquet");
            if (i % 2 == 0) info["importStatus"]!.GetValue<int>().ShouldBe(3, info.ToJsonString());
        }
    }

    public static TheoryData<string, byte[], int, string> Hostile => new()
    {
        { "UTF-16 with mark", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("{\"prompt\":\"a\",\"response\":\"b\"}")], 0, "UTF-16" },
        { "UTF-16 without mark", Encoding.Unicode.GetBytes("{\"prompt\":\"a\",\"response\":\"b\"}"), 0, "UTF-16" },
        { "GBK", [.. "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\""u8, 0xC4, 0xE3, .. "\",\"response\":\"b\"}"u8], 2, "not in UTF-8" },
        { "NUL at the beginning", [.. "{\"prompt\":\"a\0"u8, .. "\",\"response\":\"b\"}"u8], 0, "binary" },
        { "NUL far behind", [.. Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"prompt\":\"a\",\"response\":\"b\"}\n", 300))), .. "{\"prompt\":\"a\0\",\"response\":\"b\"}"u8], 301, "not valid JSON" },
        { "deep nesting", Encoding.UTF8.GetBytes("{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":" + new string('[', 5000) + new string(']', 5000) + "}"), 2, "not valid JSON" },
        { "deep nesting in one array", Encoding.UTF8.GetBytes(new string('[', 100_000)), 1, "not valid JSON" },
        { "a huge field of the wrong kind", Encoding.UTF8.GetBytes("{\"prompt\":\"a\",\"response\":\"b\"}\n{\"messages\":\"" + new string('x', 900_000) + "\"}"), 2, "must be a list" },
        { "a cut row", "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\"a\",\"resp"u8.ToArray(), 2, "not valid JSON" },
        { "mixed line ends", "{\"prompt\":\"a\",\"response\":\"b\"}\r\n\r\n{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":1}\r\n"u8.ToArray(), 4, "must be a text" },
        { "half a character", "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\"\\ud800\",\"response\":\"b\"}"u8.ToArray(), 2, "surrogate" },
        { "a number beyond all", "{\"prompt\":\"a\",\"response\":\"b\",\"weight\":1e999}"u8.ToArray(), 1, "weight" },
        { "an unknown speaker", "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"tool\",\"value\":\"b\"}]}"u8.ToArray(), 1, "system, human or gpt" },
        { "speakers out of turn", "{\"conversations\":[{\"from\":\"gpt\",\"value\":\"a\"}]}"u8.ToArray(), 1, "take turns" },
        { "nothing said", "{\"conversations\":[]}"u8.ToArray(), 1, "conversations is empty" },
        { "an open quote in CSV", "prompt,response\na,b\n\"a,b\n"u8.ToArray(), 3, "quotation mark" },
        { "Parquet and nothing more", "PAR1PAR1"u8.ToArray(), 0, "Parquet" },
    };

    [Theory]
    [MemberData(nameof(Hostile), DisableDiscoveryEnumeration = true)]
    public async Task What_is_wrong_with_a_file_is_told_with_its_line(string what, byte[] content, int line, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, info) = await host.Client.ImportAsync(content);
        var errors = await host.Client.ErrorsAsync(id);
        errors.ShouldHaveSingleItem($"{what}: {info.ToJsonString()}").Line.ShouldBe(line, what);
        errors[0].Message.ShouldContain(message);
        errors[0].Message.Length.ShouldBeLessThan(400);
    }

    private static async Task<byte[]> ParquetAsync(List<Row> rows)
    {
        using var stream = new MemoryStream();
        await ParquetSerializer.SerializeAsync(rows, stream, new ParquetOptions { RowGroupSize = 2 }, cancellationToken: TestContext.Current.CancellationToken);
        return stream.ToArray();
    }

    private sealed class Row
    {
        [JsonPropertyName("messages")] public List<Turn>? Messages { get; set; }

        [JsonPropertyName("conversations")] public List<Said>? Conversations { get; set; }

        [JsonPropertyName("prompt")] public string? Prompt { get; set; }

        [JsonPropertyName("response")] public string? Response { get; set; }

        [JsonPropertyName("instruction")] public string? Instruction { get; set; }

        [JsonPropertyName("output")] public string? Output { get; set; }
    }

    private sealed class Turn
    {
        [JsonPropertyName("role")] public string? Role { get; set; }

        [JsonPropertyName("content")] public string? Content { get; set; }
    }

    private sealed class Said
    {
        [JsonPropertyName("from")] public string? From { get; set; }

        [JsonPropertyName("value")] public string? Value { get; set; }
    }
}
