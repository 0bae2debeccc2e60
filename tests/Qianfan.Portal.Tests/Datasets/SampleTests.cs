using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Tests.Datasets;

public class SampleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sample_of_200_rows_has_200_good_and_distinct_ones_with_short_answers()
    {
        await using var file = File.OpenRead(Sample("lantern-bay-200.jsonl"));
        var rows = new List<DatasetRow>();
        await foreach (var item in DatasetReader.ReadAsync(file, cancellationToken: Cancel))
            rows.Add(item.Row.ShouldNotBeNull(item.Error?.Message));

        rows.Count.ShouldBe(200);
        rows.Select(r => r.Messages[0].Content).Distinct().Count().ShouldBe(200);
        rows.Select(r => r.Messages[1].Content).Distinct().Count().ShouldBe(200);
        rows.ShouldAllBe(r => r.Messages.Count == 2 && r.Messages[1].Content.Split(' ').Length <= 12);
        rows.Count(r => r.Messages[0].Content.Any(c => c >= 0x4E00)).ShouldBe(100);
    }

    [Theory]
    [InlineData("qianfan.jsonl", DatasetFormat.QianfanJsonLines, 3)]
    [InlineData("openai.jsonl", DatasetFormat.OpenAiJsonLines, 3)]
    [InlineData("sharegpt.jsonl", DatasetFormat.ShareGptJsonLines, 3)]
    [InlineData("alpaca.json", DatasetFormat.JsonArray, 3)]
    [InlineData("prompt-response.csv", DatasetFormat.Csv, 4)]
    public async Task Each_sample_is_of_the_form_that_it_shows_and_has_no_bad_row(string name, DatasetFormat format, int rows)
    {
        await using var file = File.OpenRead(Sample(name));
        var summary = await DatasetReader.ValidateAsync(file, cancellationToken: Cancel);

        (summary.Format, summary.GoodRows, summary.BadRows).ShouldBe((format, rows, 0));
    }

    [Fact]
    public async Task The_sample_of_texts_holds_texts()
    {
        await using var file = File.OpenRead(Sample("text.jsonl"));
        var summary = await DatasetReader.ValidateAsync(file, new DatasetReaderOptions { Kind = DatasetKind.Text }, cancellationToken: Cancel);

        (summary.GoodRows, summary.BadRows).ShouldBe((3, 0));
        summary.Samples.ShouldAllBe(row => row.Text!.Length > 20);
    }

    private static string Sample(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Qianfan.Portal.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("The repository's root is not above the tests.");
        return Path.Combine(folder.FullName, "wwwroot-shared", "samples", name);
    }
}
