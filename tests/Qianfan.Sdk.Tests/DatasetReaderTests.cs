using System.Text;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class DatasetReaderTests
{
    [Fact]
    public async Task Qianfans_own_form_is_read_with_system_turns_and_weights()
    {
        var rows = await GoodAsync(
            """
            [{"system":"你是老师","prompt":"你好","response":[["您好！"]],"weight":0},{"prompt":"再见","response":[["慢走。"]]}]
            {"prompt":"plain","response":"text"}
            """);

        rows[0].Messages.ShouldBe([new("system", "你是老师"), new("user", "你好"), new("assistant", "您好！", 0), new("user", "再见"), new("assistant", "慢走。")]);
        rows[1].ShouldSatisfyAllConditions(r => r.Line.ShouldBe(2), r => r.Messages.ShouldBe([new("user", "plain"), new("assistant", "text")]));
    }

    [Fact]
    public async Task OpenAi_messages_are_read()
    {
        var (summary, rows) = await ReadAsync("""{"messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c","weight":1}]}""");
        rows.Single().Messages.ShouldBe([new("system", "s"), new("user", "ab"), new("assistant", "c")]);
        summary.Format.ShouldBe(DatasetFormat.OpenAiJsonLines);
    }

    [Fact]
    public async Task ShareGpt_conversations_are_read()
    {
        var (summary, rows) = await ReadAsync("""{"id":"x","conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b","weight":0},{"from":"user","value":"c"},{"from":"chatgpt","value":"d"}]}""");
        rows.Single().Messages.ShouldBe([new("system", "s"), new("user", "a"), new("assistant", "b", 0), new("user", "c"), new("assistant", "d")]);
        summary.Format.ShouldBe(DatasetFormat.ShareGptJsonLines);
    }

    [Theory]
    [InlineData("""{"conversations":[{"from":"tool","value":"a"}]}""", DatasetErrorCodes.UnknownRole, "conversations[0].from")]
    [InlineData("""{"conversations":[{"from":"human","value":"a"}]}""", DatasetErrorCodes.MessageOrder, "conversations[0].from")]
    [InlineData("""{"conversations":[{"from":"human","value":["a"]}]}""", DatasetErrorCodes.WrongType, "conversations[0].value")]
    [InlineData("""{"system":"s","conversations":[]}""", DatasetErrorCodes.EmptyField, "conversations")]
    [InlineData("""{"messages":[{"role":"human","content":"a"}]}""", DatasetErrorCodes.UnknownRole, "messages[0].role")]
    public async Task Bad_ShareGpt_conversations_name_their_own_fields(string text, string code, string field)
    {
        var error = (await BadAsync(text)).Single();
        (error.Code, error.Field).ShouldBe((code, field));
    }

    [Theory]
    [InlineData("{\"conversations\":[{\"from\":\"human\",\"value\":\"\\u4f60\\\"\\n\"},{\"from\":\"gpt\",\"value\":\"b\",\"weight\":0},{\"from\":\"human\",\"value\":\"c\"},{\"from\":\"gpt\",\"value\":\"d\"}]}\nbad\n[{\"system\":\"s\",\"prompt\":\"é\",\"response\":\"f\"}]", 1, DatasetKind.Conversation)]
    [InlineData("{\"instruction\":\"a\\\\\",\"input\":\"b\",\"output\":\"c\",\"history\":[[\"q\",\"r\"]]}\n{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\\t\"},{\"text\":\"y\"}]},{\"role\":\"assistant\",\"content\":\"z\"}]}", 0, DatasetKind.Conversation)]
    [InlineData("prompt,response,system\n\"a \"\"quoted\"\"\nline\",\"b\\\",s\n,c,\n", 1, DatasetKind.Conversation)]
    [InlineData("[\"one\\n\",\"two\",3]", 1, DatasetKind.Text)]
    [InlineData("plain \"text\"\r\nmore\n", 0, DatasetKind.Text)]
    public async Task Converted_rows_are_the_rows_that_were_read(string text, int bad, DatasetKind kind)
    {
        var options = new DatasetReaderOptions { Kind = kind };
        var reader = new DatasetReader(new MemoryStream(Encoding.UTF8.GetBytes(text)), options);
        var (errors, samples, target) = (new List<DatasetRowError>(), new List<DatasetRow>(), new MemoryStream());
        await reader.ConvertAsync(target, Keep, maxSamples: 1, TestContext.Current.CancellationToken);
        var summary = await DatasetReader.ValidateAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), options, maxSamples: 100, cancellationToken: TestContext.Current.CancellationToken);
        var converted = await DatasetReader.ValidateAsync(new MemoryStream(target.ToArray()), options, maxSamples: 100, cancellationToken: TestContext.Current.CancellationToken);

        errors.ShouldBe(summary.Errors);
        errors.Count.ShouldBe(bad);
        samples.Single().Messages.ShouldBe(summary.Samples[0].Messages);
        (reader.GoodRows, reader.Characters).ShouldBe((summary.GoodRows, summary.Characters));
        (converted.BadRows, converted.Characters).ShouldBe((0, summary.Characters));
        converted.Samples.Select(row => row.Text).ShouldBe(summary.Samples.Select(row => row.Text));
        converted.Samples.SelectMany(row => row.Messages).ShouldBe(summary.Samples.SelectMany(row => row.Messages));
        Encoding.UTF8.GetString(target.ToArray()).Count(c => c == '\n').ShouldBe((int)summary.GoodRows);

        void Keep(DatasetItem item)
        {
            if (item.Row is { } row)
            {
                samples.Add(row);
            }
            else
            {
                errors.Add(item.Error!);
            }
        }
    }

    [Fact]
    public async Task Alpaca_is_read_with_input_and_history()
    {
        var (summary, rows) = await ReadAsync("""{"instruction":"Translate","input":"猫","output":"cat","history":[["q","a"]]}""");
        rows.Single().Messages.ShouldBe([new("user", "q"), new("assistant", "a"), new("user", "Translate\n猫"), new("assistant", "cat")]);
        summary.Format.ShouldBe(DatasetFormat.AlpacaJsonLines);
    }

    [Theory]
    [InlineData("[\n  {\"instruction\":\"a\",\"output\":\"b\"},\n  {\"instruction\":\"c\",\"output\":\"d\"}\n]\n")]
    [InlineData("[{\"instruction\":\"a\",\"output\":\"b\"},{\"instruction\":\"c\",\"output\":\"d\"}]")]
    [InlineData("[\n[{\"prompt\":\"a\",\"response\":[[\"b\"]]}],\n[{\"prompt\":\"c\",\"response\":[[\"d\"]]}]\n]")]
    public async Task A_json_array_over_the_whole_file_is_read(string text)
    {
        var (summary, rows) = await ReadAsync(text);
        summary.Format.ShouldBe(DatasetFormat.JsonArray);
        rows.Select(r => r.Messages[0].Content).ShouldBe(["a", "c"]);
    }

    [Fact]
    public async Task A_single_conversation_on_one_line_is_one_row()
    {
        var (summary, rows) = await ReadAsync("""[{"prompt":"a","response":[["b"]]},{"prompt":"c","response":[["d"]]}]""");
        summary.Format.ShouldBe(DatasetFormat.QianfanJsonLines);
        rows.Single().Messages.Count.ShouldBe(4);
    }

    [Fact]
    public async Task Elements_of_an_array_tell_the_line_they_begin_on()
    {
        var errors = await BadAsync("[\n {\"instruction\":\"a\",\"output\":\"b\"},\n {\"instruction\":\"a\",\n  \"output\": 5},\n {\"instruction\": }\n]");
        errors.Select(e => (e.Line, e.Code)).ShouldBe([(3, DatasetErrorCodes.WrongType), (5, DatasetErrorCodes.InvalidJson)]);
    }

    [Fact]
    public async Task An_array_that_is_never_closed_is_told()
    {
        var errors = await BadAsync("[\n{\"instruction\":\"a\",\"output\":\"b\"},\n");
        errors.Single().Code.ShouldBe(DatasetErrorCodes.InvalidJson);
    }

    [Fact]
    public async Task Csv_is_read_with_quotes_line_breaks_byte_order_mark_and_crlf()
    {
        var (summary, rows) = await ReadAsync("\uFEFFPrompt,response,note\r\n\"说 \"\"你好\"\", 再说\n一遍\",好,x\r\n\r\nb,\"c\",\r\n");
        summary.Format.ShouldBe(DatasetFormat.Csv);
        rows.Select(r => (r.Line, r.Messages[0].Content, r.Messages[1].Content)).ShouldBe([(2, "说 \"你好\", 再说\n一遍", "好"), (5, "b", "c")]);
    }

    [Theory]
    [InlineData("prompt;response\na;b\n")]
    [InlineData("prompt\tresponse\na\tb")]
    [InlineData("\"response\",\"prompt\"\nb,a")]
    public async Task Csv_takes_other_separators_and_orders(string text)
    {
        var (_, rows) = await ReadAsync(text);
        rows.Single().Messages.ShouldBe([new("user", "a"), new("assistant", "b")]);
    }

    [Theory]
    [InlineData("a,b,c", DatasetErrorCodes.CsvColumns, null)]
    [InlineData("a", DatasetErrorCodes.CsvColumns, null)]
    [InlineData("a,\" \"", DatasetErrorCodes.EmptyField, "response")]
    [InlineData(",b", DatasetErrorCodes.EmptyField, "prompt")]
    [InlineData("5\" disk,b", DatasetErrorCodes.CsvQuote, null)]
    [InlineData("\"a\"x,b", DatasetErrorCodes.CsvQuote, null)]
    [InlineData("\"never closed,b", DatasetErrorCodes.CsvQuote, null)]
    public async Task A_bad_csv_row_says_why(string row, string code, string? field)
    {
        var errors = await BadAsync("prompt,response\ngood,row\n" + row);
        errors.Single().ShouldSatisfyAllConditions(e => e.Code.ShouldBe(code), e => e.Field.ShouldBe(field), e => e.Line.ShouldBe(3), e => e.Message.ShouldEndWith("."));
    }

    [Theory]
    [InlineData("""{"prompt": "a", """, DatasetErrorCodes.InvalidJson, null)]
    [InlineData("""{"prompt": "a"} extra""", DatasetErrorCodes.InvalidJson, null)]
    [InlineData("""hello""", DatasetErrorCodes.InvalidJson, null)]
    [InlineData("""{"text": "a"}""", DatasetErrorCodes.UnknownRow, null)]
    [InlineData("""5""", DatasetErrorCodes.UnknownRow, null)]
    [InlineData("""[]""", DatasetErrorCodes.EmptyField, null)]
    [InlineData("""[5]""", DatasetErrorCodes.WrongType, "[0]")]
    [InlineData("""[{"prompt":"a"}]""", DatasetErrorCodes.MissingField, "[0].response")]
    [InlineData("""{"prompt":"a"}""", DatasetErrorCodes.MissingField, "response")]
    [InlineData("""{"response":"a"}""", DatasetErrorCodes.MissingField, "prompt")]
    [InlineData("""[{"prompt":"a","response":[["b"]]},{"prompt":null,"response":[["b"]]}]""", DatasetErrorCodes.WrongType, "[1].prompt")]
    [InlineData("""[{"prompt":"a","response":[]}]""", DatasetErrorCodes.EmptyField, "[0].response")]
    [InlineData("""[{"prompt":"a","response":[[]]}]""", DatasetErrorCodes.EmptyField, "[0].response")]
    [InlineData("""[{"prompt":"a","response":[[""]]}]""", DatasetErrorCodes.EmptyField, "[0].response")]
    [InlineData("""[{"prompt":"a","response":["b"]}]""", DatasetErrorCodes.ResponseShape, "[0].response")]
    [InlineData("""[{"prompt":"a","response":{"b":1}}]""", DatasetErrorCodes.ResponseShape, "[0].response")]
    [InlineData("""[{"prompt":"a","response":[["b"],["c"]]}]""", DatasetErrorCodes.SeveralResponses, "[0].response")]
    [InlineData("""[{"prompt":"a","response":[["b","c"]]}]""", DatasetErrorCodes.SeveralResponses, "[0].response")]
    [InlineData("""[{"prompt":"a","response":[["b"]]},{"system":"s","prompt":"a","response":[["b"]]}]""", DatasetErrorCodes.SystemPosition, "[1].system")]
    [InlineData("""[{"prompt":"a","response":[["b"]],"weight":2}]""", DatasetErrorCodes.WeightValue, "[0].weight")]
    [InlineData("""[{"prompt":"a","response":[["b"]],"weight":0}]""", DatasetErrorCodes.NothingToLearn, null)]
    [InlineData("""{"messages":{}}""", DatasetErrorCodes.WrongType, "messages")]
    [InlineData("""{"messages":[]}""", DatasetErrorCodes.EmptyField, "messages")]
    [InlineData("""{"messages":[{"role":"tool","content":"a"}]}""", DatasetErrorCodes.UnknownRole, "messages[0].role")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", DatasetErrorCodes.MessageOrder, "messages[0].role")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}""", DatasetErrorCodes.MessageOrder, "messages[1].role")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]}""", DatasetErrorCodes.SystemPosition, "messages[1].role")]
    [InlineData("""{"messages":[{"role":"user"}]}""", DatasetErrorCodes.MissingField, "messages[0].content")]
    [InlineData("""{"instruction":"a"}""", DatasetErrorCodes.MissingField, "output")]
    [InlineData("""{"instruction":"a","output":"b","history":[["q"]]}""", DatasetErrorCodes.WrongType, "history[0]")]
    [InlineData("""{"prompt":"\ud800","response":"b"}""", DatasetErrorCodes.InvalidJson, "prompt")]
    public async Task A_bad_json_row_says_line_field_and_reason(string row, string code, string? field)
    {
        var errors = await BadAsync("""{"prompt":"good","response":"row"}""" + "\n" + row + "\n");
        errors.Single().ShouldSatisfyAllConditions(e => e.Code.ShouldBe(code), e => e.Field.ShouldBe(field), e => e.Line.ShouldBe(2), e => e.Message.ShouldNotBeEmpty());
    }

    [Fact]
    public async Task Broken_first_lines_do_not_hide_the_good_ones()
    {
        var (summary, rows) = await ReadAsync("[{\"prompt\":\"cut off\n[{\"prompt\":\"a\",\"response\":[[\"b\"]]}]\n");
        summary.ShouldSatisfyAllConditions(s => s.GoodRows.ShouldBe(1), s => s.BadRows.ShouldBe(1), s => s.Errors.Single().Line.ShouldBe(1));
        rows.Single().Line.ShouldBe(2);
    }

    [Theory]
    [InlineData("", DatasetErrorCodes.EmptyFile)]
    [InlineData("\uFEFF \r\n\n", DatasetErrorCodes.EmptyFile)]
    [InlineData("[]", DatasetErrorCodes.EmptyField)]
    [InlineData("[\n]", DatasetErrorCodes.NoRows)]
    [InlineData("prompt,response\n", DatasetErrorCodes.NoRows)]
    [InlineData("Just some prose, nothing else.\n", DatasetErrorCodes.UnknownFormat)]
    [InlineData("question,answer\na,b\n", DatasetErrorCodes.UnknownFormat)]
    public async Task A_file_without_rows_says_why(string text, string code)
    {
        if (code == DatasetErrorCodes.EmptyField)
        {
            (await BadAsync(text)).Single().Code.ShouldBe(code);
            return;
        }

        (await FileErrorAsync(Encoding.UTF8.GetBytes(text))).Code.ShouldBe(code);
    }

    [Theory]
    [InlineData(new byte[] { 0x50, 0x4B, 0x03, 0x04, 0x14, 0x00 }, DatasetErrorCodes.Archive)]
    [InlineData(new byte[] { 0x1F, 0x8B, 0x08, 0x00 }, DatasetErrorCodes.Archive)]
    [InlineData(new byte[] { 0x7B, 0x00, 0x22, 0x00 }, DatasetErrorCodes.NotUtf8)]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x7B, 0x00 }, DatasetErrorCodes.NotUtf8)]
    public async Task What_is_no_text_is_refused(byte[] content, string code) => (await FileErrorAsync(content)).Code.ShouldBe(code);

    [Fact]
    public async Task A_file_in_gbk_is_refused_with_its_line()
    {
        byte[] gbk = [.. "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\""u8, 0xC4, 0xE3, 0xBA, 0xC3, .. "\",\"response\":\"b\"}\n"u8];
        (await FileErrorAsync(gbk)).ShouldSatisfyAllConditions(e => e.Code.ShouldBe(DatasetErrorCodes.NotUtf8), e => e.Line.ShouldBe(2));
    }

    [Theory]
    [InlineData("{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\"", 2)]
    [InlineData("prompt,response\na,b\n\"", 3)]
    [InlineData("[\n{\"prompt\":\"", 2)]
    public async Task A_row_over_the_limit_is_refused_with_its_line(string start, int line)
    {
        var text = start + new string('x', 300_000);
        (await FileErrorAsync(Encoding.UTF8.GetBytes(text), 4096)).ShouldSatisfyAllConditions(e => e.Code.ShouldBe(DatasetErrorCodes.RowTooLong), e => e.Line.ShouldBe(line));
    }

    [Fact]
    public async Task A_large_array_on_one_line_is_read_element_by_element()
    {
        var text = "[" + string.Join(',', Enumerable.Range(0, 5000).Select(i => $"{{\"instruction\":\"question {i}\",\"output\":\"答 {i}\"}}")) + "]";
        var summary = await DatasetReader.ValidateAsync(Given.File(text), new DatasetReaderOptions { MaxRowBytes = 4096 }, cancellationToken: Given.Token);
        summary.ShouldSatisfyAllConditions(s => s.GoodRows.ShouldBe(5000), s => s.BadRows.ShouldBe(0), s => s.Bytes.ShouldBe(Encoding.UTF8.GetByteCount(text)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(4096)]
    public async Task Rows_do_not_depend_on_how_the_stream_is_cut(int size)
    {
        string[] files =
        [
            "[{\"prompt\":\"你好\",\"response\":[[\"😀\"]]}]\r\n\r\n{\"prompt\":\"\\\"q\\\"\",\"response\":\"]},{\"}",
            "[\n{\"instruction\":\"a]\\\"\",\"output\":\"b\"} , {\"instruction\":\"{\",\"output\":\"d\"}\n]",
            "\uFEFFprompt,response\r\n\"a\"\"\nb\",\"好,\"\r\nc,d",
        ];
        foreach (var file in files)
        {
            var whole = (await ReadAsync(file)).Rows;
            var rows = new List<DatasetRow>();
            await foreach (var item in DatasetReader.ReadAsync(new SlowStream(Encoding.UTF8.GetBytes(file), size), null, Given.Token))
            {
                rows.Add(item.Row.ShouldNotBeNull(item.Error?.Message));
            }

            rows.Count.ShouldBe(2);
            rows.Select(r => (r.Line, string.Join('|', r.Messages))).ShouldBe(whole.Select(r => (r.Line, string.Join('|', r.Messages))));
        }
    }

    [Fact]
    public async Task Errors_are_counted_even_when_they_are_not_kept()
    {
        var text = string.Join('\n', Enumerable.Repeat("{\"prompt\":1}", 500)) + "\n{\"prompt\":\"a\",\"response\":\"b\"}";
        var summary = await DatasetReader.ValidateAsync(Given.File(text), maxErrors: 10, cancellationToken: Given.Token);
        summary.ShouldSatisfyAllConditions(s => s.BadRows.ShouldBe(500), s => s.Errors.Count.ShouldBe(10), s => s.GoodRows.ShouldBe(1), s => s.Characters.ShouldBe(2), s => s.Samples.Single().Line.ShouldBe(501));
    }

    private static async Task<(DatasetSummary Summary, IReadOnlyList<DatasetRow> Rows)> ReadAsync(string text)
    {
        var summary = await DatasetReader.ValidateAsync(Given.File(text), maxSamples: 100, cancellationToken: Given.Token);
        return (summary, summary.Samples);
    }

    private static async Task<IReadOnlyList<DatasetRow>> GoodAsync(string text)
    {
        var (summary, rows) = await ReadAsync(text);
        summary.Errors.ShouldBeEmpty();
        return rows;
    }

    private static async Task<IReadOnlyList<DatasetRowError>> BadAsync(string text) => (await ReadAsync(text)).Summary.Errors;

    private static Task<DatasetFileException> FileErrorAsync(byte[] content, int limit = 1 << 20) =>
        Should.ThrowAsync<DatasetFileException>(() => DatasetReader.ValidateAsync(new MemoryStream(content), new DatasetReaderOptions { MaxRowBytes = limit }, cancellationToken: Given.Token));

    private sealed class SlowStream(byte[] content, int size) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
