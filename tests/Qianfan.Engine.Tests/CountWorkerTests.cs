using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Tokens of a rows file, counted by the real executable.</summary>
public sealed class CountWorkerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public CountWorkerTests()
    {
        Directory.CreateDirectory(_folder.At("model"));
        TinyModel.Write(_folder.At("model"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Rows_are_counted_as_training_has_them()
    {
        var rows = Enumerable.Range(1, 20).Select(n => new TrainingRow([new("user", new string('a', n)), new("assistant", "b")])).Append(new TrainingRow(null!) { Text = "a text without form, which is longer than most" }).ToList();
        await File.WriteAllLinesAsync(_folder.At("rows.jsonl"), rows.Select(WorkerLine.Write).Append("").Append(""), TestContext.Current.CancellationToken);
        var tokenizer = TextTokenizer.Read(_folder.At("model"));
        var template = ChatTemplate.Read(_folder.At("model"), tokenizer);
        var lengths = rows.Select(row => row.Text is { } text ? tokenizer.EncodeWhole(text).Count + 1 : template.Training(row.Messages).Tokens.Count).Order().ToList();

        await using var worker = new Worker("count");
        worker.Send(new CountTokens("r", _folder.At("model"), _folder.At("rows.jsonl"), lengths[10]));
        var counted = await worker.ExpectAsync<TokensCounted>();
        (await worker.EndAsync()).ShouldBe(0);
        counted.ShouldBe(new TokensCounted("r", 21, lengths.Sum(), lengths[10], lengths[19], lengths[20], rows.Count(row => row.Text is null && template.Training(row.Messages).Tokens.Count > lengths[10])));
    }

    [Theory]
    [InlineData("model", "rubbish")]
    [InlineData("nowhere", "{\"messages\":[]}")]
    public async Task What_cannot_be_counted_is_told(string model, string row)
    {
        await File.WriteAllTextAsync(_folder.At("rows.jsonl"), row, TestContext.Current.CancellationToken);
        await using var worker = new Worker("count");
        worker.Send(new CountTokens("r", _folder.At(model), _folder.At("rows.jsonl"), 10));
        (await worker.ExpectAsync<RequestFailed>()).RequestId.ShouldBe("r");
        (await worker.EndAsync()).ShouldBe(1);
    }

    [Fact]
    public async Task It_ends_with_its_platform()
    {
        await using var worker = new Worker("count");
        await worker.ExpectAsync<WorkerHello>();
        worker.CloseInput();
        (await worker.EndAsync()).ShouldBe(0);
    }
}
