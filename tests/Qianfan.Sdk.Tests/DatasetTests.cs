using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class DatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("qianfan-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Rows_are_filtered_changed_and_saved_and_the_source_stays_as_it_is()
    {
        var source = Dataset.FromFile(Write("in.jsonl", """{"prompt":"a","response":"1"}""" + "\n" + """{"prompt":"b","response":"2"}""" + "\n" + """{"prompt":"c","response":"3"}"""));
        var made = source.Filter(r => r.Messages[0].Content != "b").Map(r => r with { Messages = [r.Messages[0], r.Messages[1] with { Content = r.Messages[1].Content + "!" }] });

        var saved = await made.SaveAsync(In("sub/out.jsonl"), cancellationToken: Given.Token);

        (await File.ReadAllTextAsync(saved.FilePath!, Given.Token)).ShouldBe("[{\"prompt\":\"a\",\"response\":[[\"1!\"]]}]\n[{\"prompt\":\"c\",\"response\":[[\"3!\"]]}]\n");
        (await source.CountAsync(Given.Token)).ShouldBe(3);
        (await saved.Select(r => r.Line).ToListAsync(Given.Token)).ShouldBe([1, 2]);
    }

    [Fact]
    public async Task A_file_may_be_saved_over_itself_and_a_failure_leaves_it_as_it_was()
    {
        var path = Write("rows.jsonl", """{"prompt":"a","response":"1"}""" + "\n" + """{"prompt":"b","response":"2"}""");
        await Dataset.FromFile(path).Filter(r => r.Messages[0].Content == "b").SaveAsync(path, cancellationToken: Given.Token);
        const string Left = "[{\"prompt\":\"b\",\"response\":[[\"2\"]]}]\n";
        (await File.ReadAllTextAsync(path, Given.Token)).ShouldBe(Left);

        var failure = await Should.ThrowAsync<InvalidArgumentException>(() => Dataset.FromFile(path).Map(r => r with { Messages = [r.Messages[0]] }).SaveAsync(path, cancellationToken: Given.Token));

        failure.Message.ShouldContain("Line 1");
        (await File.ReadAllTextAsync(path, Given.Token)).ShouldBe(Left);
        Directory.GetFiles(_folder).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Nothing_is_read_before_it_is_asked_for_and_only_as_far_as_it_is()
    {
        var read = 0;
        var rows = Dataset.FromRows(Enumerable.Range(1, 1000).Select(i =>
        {
            read++;
            return Row(i, "q" + i, "a");
        })).Map(r => r with { Line = r.Line * 10 });
        read.ShouldBe(0);

        (await rows.Take(2).Select(r => r.Line).ToListAsync(Given.Token)).ShouldBe([10, 20]);
        read.ShouldBe(2);
    }

    [Fact]
    public async Task A_bad_row_is_an_item_with_its_error_and_ends_the_enumeration_of_good_ones()
    {
        var dataset = Dataset.FromFile(Write("in.jsonl", """{"prompt":"a","response":"1"}""" + "\n" + """{"prompt":"b"}"""));
        var items = await dataset.Filter(_ => true).ReadRowsAsync(Given.Token).ToListAsync(Given.Token);
        items[1].Error.ShouldNotBeNull().ShouldSatisfyAllConditions(e => e.Line.ShouldBe(2), e => e.Field.ShouldBe("response"), e => e.Code.ShouldBe(DatasetErrorCodes.MissingField));

        (await Should.ThrowAsync<InvalidArgumentException>(async () => await dataset.ToListAsync(Given.Token))).Message.ShouldContain("Line 2");
    }

    [Fact]
    public async Task Validation_tells_of_a_changed_row_what_it_tells_of_a_file()
    {
        DatasetRow[] rows = [Row(1, "q", "a"), Row(2, "q", " "), new(3, [new("assistant", "a")]), Row(4, "q", "a") with { Messages = [new("user", "q"), new("assistant", "a", 0)] }];
        var summary = await Dataset.FromRows(rows).Map(r => r).ValidateAsync(Given.Token);

        summary.ShouldSatisfyAllConditions(s => s.GoodRows.ShouldBe(1), s => s.BadRows.ShouldBe(3), s => s.Characters.ShouldBe(2), s => s.Samples.Single().Line.ShouldBe(1));
        summary.Errors.Select(e => (e.Line, e.Code)).ShouldBe([(2, DatasetErrorCodes.EmptyField), (3, DatasetErrorCodes.MessageOrder), (4, DatasetErrorCodes.NothingToLearn)]);
    }

    [Fact]
    public async Task Csv_is_written_with_byte_order_mark_header_and_quotes()
    {
        var rows = Dataset.FromRows([Row(1, "说 \"你好\",\n再说", "好"), new(2, [new("system", "s"), new("user", "q"), new("assistant", "a")])]);
        var saved = await rows.SaveAsync(In("out.csv"), cancellationToken: Given.Token);

        (await File.ReadAllBytesAsync(saved.FilePath!, Given.Token)).ShouldBe(Encoding.UTF8.GetBytes("\uFEFFprompt,response,system\n\"说 \"\"你好\"\",\n再说\",好,\nq,a,s\n"));
        (await saved.Select(r => r.Messages.Count).ToListAsync(Given.Token)).ShouldBe([2, 3]);
    }

    [Fact]
    public async Task What_a_form_can_not_hold_is_refused_with_its_line()
    {
        var conversation = Dataset.FromRows([Row(1, "q", "a"), new(2, [new("user", "q"), new("assistant", "a"), new("user", "q"), new("assistant", "a")])]);
        (await Should.ThrowAsync<InvalidArgumentException>(() => conversation.SaveAsync(In("out.csv"), cancellationToken: Given.Token))).Message.ShouldContain("line 2");
        (await Should.ThrowAsync<InvalidArgumentException>(() => conversation.SaveAsync(In("out.txt"), cancellationToken: Given.Token))).Message.ShouldContain("Conversation");
        (await Should.ThrowAsync<InvalidArgumentException>(() => conversation.SaveAsync(In("out.parquet"), cancellationToken: Given.Token))).Message.ShouldContain(".parquet");
        var text = Dataset.FromRows([new DatasetRow(7, []) { Text = "two\nlines" }], kind: DatasetKind.Text);
        (await Should.ThrowAsync<InvalidArgumentException>(() => text.SaveAsync(In("out.txt"), cancellationToken: Given.Token))).Message.ShouldContain("line 7");
        Directory.GetFiles(_folder).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_json_file_is_one_array()
    {
        var saved = await Dataset.FromRows([Row(1, "q", "a"), Row(2, "r", "b")]).SaveAsync(In("out.json"), cancellationToken: Given.Token);
        JsonNode.Parse(await File.ReadAllTextAsync(saved.FilePath!, Given.Token))!.AsArray().Count.ShouldBe(2);
        (await saved.ValidateAsync(Given.Token)).ShouldSatisfyAllConditions(s => s.Format.ShouldBe(DatasetFormat.JsonArray), s => s.GoodRows.ShouldBe(2));
    }

    [Fact]
    public async Task Turns_become_rows_of_a_group_and_a_conversation_again()
    {
        var dataset = Dataset.FromRows([new DatasetRow(1, [new("system", "s"), new("user", "a"), new("assistant", "b"), new("user", "c"), new("assistant", "d")]), Row(2, "e", "f")]);
        var turns = await dataset.Unpack().ToListAsync(Given.Token);
        turns.Select(t => (t.Group, string.Join(',', t.Messages.Select(m => m.Content)))).ShouldBe([(1L, "s,a,b"), (1L, "c,d"), (2L, "e,f")]);
        (await Dataset.FromRows(turns).Pack().Select(r => string.Join(',', r.Messages.Select(m => m.Content))).ToListAsync(Given.Token)).ShouldBe(["s,a,b,c,d", "e,f"]);
        Should.Throw<InvalidArgumentException>(() => Dataset.FromRows([], kind: DatasetKind.Text).Unpack());
    }

    [Theory]
    [InlineData(DatasetKind.PromptSet, "[{\"prompt\":\"a\"}]\n{\"prompt\":\"b\",\"response\":5}\n", "a b")]
    [InlineData(DatasetKind.PromptSet, "first question\r\n\r\nsecond, \"question\"\r\n", "first question second, \"question\"")]
    [InlineData(DatasetKind.PromptSet, "prompt\na\n\"b\"\"c\"\n", "a b\"c")]
    [InlineData(DatasetKind.Text, "Once there was\n{ a bracket }\n", "Once there was { a bracket }")]
    [InlineData(DatasetKind.Text, "{\"text\":\"a\\nb\"}\n\"c\"\n", "a\nb c")]
    [InlineData(DatasetKind.Text, "[\"a\",\"b\"]", "a b")]
    [InlineData(DatasetKind.Text, "{ no json\nb\n", "{ no json b")]
    public async Task Prompts_and_texts_are_read(DatasetKind kind, string content, string texts)
    {
        var rows = await Dataset.FromFile(Write("in", content), kind: kind).ToListAsync(Given.Token);
        string.Join(' ', rows.Select(r => r.Text ?? r.Messages.Single().Content)).ShouldBe(texts);
    }

    [Fact]
    public async Task Sorted_responses_are_read_with_scores()
    {
        var dataset = Dataset.FromFile(Write("in.jsonl", """[{"prompt":"q","response":[["best"],["second"]],"score":[1,0.5]}]"""), kind: DatasetKind.SortedResponses);
        var answer = (await dataset.SingleAsync(Given.Token)).Messages[1];
        answer.ShouldSatisfyAllConditions(a => a.Content.ShouldBe("best"), a => a.Alternatives.ShouldBe(["second"]), a => a.Scores.ShouldBe([1, 0.5]));
    }

    [Fact]
    public async Task Chosen_and_rejected_are_read_after_earlier_turns()
    {
        var dataset = Dataset.FromFile(
            Write("in.jsonl", """[{"system":"s","user":"a","assistant":"b"},{"user":"c","chosen":"good","rejected":"bad"}]""" + "\n" + """{"user":"c","rejected":"bad"}"""), kind: DatasetKind.Preference);
        var rows = await dataset.ToListAsync(Given.Token);
        rows[0].ShouldSatisfyAllConditions(r => r.Messages.ShouldBe([new("system", "s"), new("user", "a"), new("assistant", "b"), new("user", "c")]), r => r.Chosen.ShouldBe("good"), r => r.Rejected.ShouldBe("bad"));
        rows[1].ShouldSatisfyAllConditions(r => r.Chosen.ShouldBeNull(), r => r.Rejected.ShouldBe("bad"));
    }

    [Theory]
    [InlineData(DatasetKind.PromptSet, "[{\"response\":\"a\"}]", DatasetErrorCodes.MissingField, "[0].prompt")]
    [InlineData(DatasetKind.PromptSet, "{\"prompt\":\" \"}", DatasetErrorCodes.EmptyField, "prompt")]
    [InlineData(DatasetKind.SortedResponses, "[{\"prompt\":\"q\",\"response\":[[\"a\",\"b\"]]}]", DatasetErrorCodes.ResponseShape, "[0].response[0]")]
    [InlineData(DatasetKind.SortedResponses, "[{\"prompt\":\"q\",\"response\":\"a\"}]", DatasetErrorCodes.ResponseShape, "[0].response")]
    [InlineData(DatasetKind.SortedResponses, "[{\"prompt\":\"q\",\"response\":[[\"a\"],[\"b\"]],\"score\":[1]}]", DatasetErrorCodes.WrongType, "[0].score")]
    [InlineData(DatasetKind.Preference, "[{\"user\":\"q\"}]", DatasetErrorCodes.MissingField, "[0].chosen")]
    [InlineData(DatasetKind.Preference, "[{\"user\":\"q\",\"chosen\":\"a\"},{\"user\":\"q\",\"chosen\":\"a\"}]", DatasetErrorCodes.MissingField, "[0].assistant")]
    [InlineData(DatasetKind.Preference, "[{\"user\":\"q\",\"chosen\":\"a\",\"rejected\":5}]", DatasetErrorCodes.WrongType, "[0].rejected")]
    [InlineData(DatasetKind.Preference, "[]", DatasetErrorCodes.EmptyField, null)]
    [InlineData(DatasetKind.Text, "{\"prompt\":\"q\"}", DatasetErrorCodes.MissingField, "text")]
    [InlineData(DatasetKind.Text, "{\"text\":\"\"}", DatasetErrorCodes.EmptyField, "text")]
    public async Task A_bad_row_of_another_kind_says_field_and_reason(DatasetKind kind, string row, string code, string? field)
    {
        var summary = await Dataset.FromFile(Write("in.jsonl", row), kind: kind).ValidateAsync(Given.Token);
        summary.Errors.Single().ShouldSatisfyAllConditions(e => e.Code.ShouldBe(code), e => e.Field.ShouldBe(field), e => e.Line.ShouldBe(1));
    }

    [Fact]
    public async Task Made_rows_reach_the_platform_by_the_way_of_a_file()
    {
        var platform = new ScriptedPlatform();
        var dataset = Dataset.FromRows([Row(1, "q", "a")], "made");
        var id = await dataset.SaveAsync(Given.Client(platform), Given.Token);

        dataset.Id.ShouldBe(id);
        platform.Uploads.ShouldHaveSingleItem();
        (await dataset.SaveAsync(Given.Client(platform), Given.Token)).ShouldBe(id);
        platform.Uploads.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Prompts_reach_the_platform_with_their_template_and_are_not_released()
    {
        var platform = new ScriptedPlatform();
        await Dataset.FromRows([new DatasetRow(1, [new("user", "q")])], "prompts", DatasetKind.PromptSet).SaveAsync(Given.Client(platform), Given.Token);

        var create = platform.Requests.Single(r => r.Path.EndsWith("dataset/create", StringComparison.Ordinal)).Body!;
        ((int)create["templateType"]!, (int)create["projectType"]!).ShouldBe((40200, 402));
        platform.Requests.ShouldNotContain(r => r.Path.EndsWith("dataset/release", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rows_of_our_platform_come_page_by_page()
    {
        var offsets = new List<int>();
        var dataset = Dataset.Load("ds-1", Given.Client(new AnsweringHandler((path, body) =>
        {
            if (path.EndsWith("info", StringComparison.Ordinal))
            {
                return Answer("""{"versionInfo":{"templateType":2000}}""");
            }

            var offset = (int)body!["offset"]!;
            offsets.Add(offset);
            var items = Enumerable.Range(offset, Math.Min(30, 40 - offset)).Select(i => $$$"""{"id":"{{{i}}}","textExtra":{"messages":[{"role":"user","content":"q{{{i}}}"},{"role":"assistant","content":"a","weight":1}]}}""");
            return Answer($$"""{"totalAll":40,"total":40,"items":[{{string.Join(',', items)}}]}""");
        })));

        var rows = await dataset.ToListAsync(Given.Token);
        rows.Select(r => r.Messages[0].Content).ShouldBe(Enumerable.Range(0, 40).Select(i => "q" + i));
        offsets.ShouldBe([0, 30]);
        (await dataset.Filter(r => r.Line > 38).CountAsync(Given.Token)).ShouldBe(2);
    }

    [Fact]
    public async Task Rows_of_the_cloud_come_by_its_newest_export()
    {
        var states = new Queue<int>([-1, -1, 1, 2]);
        var dataset = Dataset.Load("ds-1", Given.Client(
            new AnsweringHandler((path, _) => path switch
            {
                "/wenxinworkshop/dataset/info" => Answer($$$"""{"versionInfo":{"templateType":2000,"exportStatus":{{{states.Dequeue()}}}}}"""),
                "/wenxinworkshop/dataset/export" => Answer("true"),
                "/wenxinworkshop/dataset/exportRecord" => Answer("""[{"downloadUrl":"http://files.test/old.zip?sign=s","finishTime":"2026-01-01 00:00:00"},{"downloadUrl":"http://files.test/new.zip?sign=s","finishTime":"2026-01-02 00:00:00"}]"""),
                "/new.zip" => new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(Zip(("b.jsonl", """[{"prompt":"second","response":[["2"]]}]"""), ("a.jsonl", """[{"prompt":"first","response":[["1"]]}]"""), ("readme.md", "no rows"))) },
                _ => throw new InvalidOperationException(path),
            }),
            ours: false));

        (await dataset.Select(r => r.Messages[0].Content).ToListAsync(Given.Token)).ShouldBe(["first", "second"]);
        states.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_link_that_fails_is_told_without_its_signature()
    {
        var dataset = Dataset.Load("ds-1", Given.Client(
            new AnsweringHandler((path, _) => path switch
            {
                "/wenxinworkshop/dataset/info" => Answer("""{"versionInfo":{"templateType":2000,"exportStatus":2}}"""),
                "/wenxinworkshop/dataset/export" => Answer("true"),
                "/wenxinworkshop/dataset/exportRecord" => Answer("""[{"downloadUrl":"http://files.test/new.zip?sign=secret","finishTime":"2026-01-02 00:00:00"}]"""),
                _ => new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StringContent("no") },
            }),
            ours: false));

        var failure = await Should.ThrowAsync<QianfanRequestException>(async () => await dataset.ToListAsync(Given.Token));
        failure.ToString().ShouldNotContain("secret");
        failure.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Rows_of_another_kind_than_asked_for_and_rows_without_a_client_are_refused()
    {
        var other = Dataset.Load("ds-1", Given.Client(new AnsweringHandler((_, _) => Answer("""{"versionInfo":{"templateType":40100}}"""))));
        (await Should.ThrowAsync<InvalidArgumentException>(async () => await other.ToListAsync(Given.Token))).Message.ShouldContain("40100");
        (await Should.ThrowAsync<InvalidArgumentException>(async () => await Dataset.Load("ds-1").ToListAsync(Given.Token))).Message.ShouldContain("client");
    }

    private static DatasetRow Row(long line, string prompt, string response) => new(line, [new("user", prompt), new("assistant", response)]);

    private static HttpResponseMessage Answer(string result) =>
        new(HttpStatusCode.OK) { Content = new StringContent($$"""{"log_id":"1","status":200,"success":true,"result":{{result}}}""", Encoding.UTF8, "application/json") };

    private static byte[] Zip(params (string Name, string Content)[] files)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(Encoding.UTF8.GetBytes(content));
            }
        }

        return stream.ToArray();
    }

    private string In(string name) => Path.Combine(_folder, name);

    private string Write(string name, string content)
    {
        File.WriteAllText(In(name), content);
        return In(name);
    }

    private sealed class AnsweringHandler(Func<string, JsonNode?, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            answer(request.RequestUri!.AbsolutePath, request.Content is null ? null : JsonNode.Parse(await request.Content.ReadAsStringAsync(cancellationToken)));
    }
}
