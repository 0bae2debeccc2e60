using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests.Properties;

public sealed class DatasetReaderProperties
{
    private static readonly Gen<Change> s_damage = Gen.Select(Gen.Int[0, 2], Gen.Double[0, 1], Gen.OneOf(Gen.Byte, Gen.OneOf("{}[]\",:\\u \n1"u8.ToArray())), (what, where, with) => new Change(what, where, with));

    private static readonly JsonSerializerOptions s_raw = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Gen<string> s_row = Gen.OneOf(
        Gen.Select(Texts.Full, Texts.Full).Array[1, 3].Select(turns => new JsonArray([.. turns.Select(t => Turn(t.Item1, t.Item2))]).ToJsonString(s_raw)),
        Gen.Select(Texts.Full, Texts.Full, (q, a) => Turn(q, a).ToJsonString(s_raw)),
        Gen.Select(Texts.Full, Texts.Any, Texts.Full, (i, n, o) => new JsonObject { ["instruction"] = i, ["input"] = n, ["output"] = o }.ToJsonString(s_raw)),
        Gen.Select(Texts.Full, Texts.Full, (q, a) => new JsonObject { ["messages"] = new JsonArray(Message("user", q), Message("assistant", a)) }.ToJsonString(s_raw)));

    /// <summary>Lines of good rows, of which the first begins with a brace, so that damage to another does not change what the file is.</summary>
    private static readonly Gen<string[]> s_lines = Gen.Select(Gen.Select(Texts.Full, Texts.Full, (q, a) => Turn(q, a).ToJsonString(s_raw)), s_row.Array[1, 6], (first, others) => (string[])[first, .. others]);

    private static readonly Gen<byte[]> s_file = Gen.Select(
        s_row.Array[0, 5],
        Gen.OneOf("\n", "\r\n", "\n\n", ",\n", ","),
        Gen.OneOf("", "\uFEFF", "[", "[\n", "prompt,response\n", " \n"),
        Gen.OneOf("", "\n", "]", "\n]\n", "] x"),
        (rows, between, before, after) => (before + string.Join(between, rows) + after).Utf8());

    private static readonly Gen<byte[]> s_damaged = Gen.Select(s_file, s_damage.Array[0, 4], (file, damages) => damages.Aggregate(file, (bytes, damage) => damage.On(bytes)));

    [Fact]
    public async Task Whatever_the_bytes_there_are_rows_errors_or_a_file_error_and_nothing_else() =>
        await Gen.Select(Gen.OneOf(s_damaged, Gen.Byte.Array[0, 200]), Gen.OneOf(Enum.GetValues<DatasetKind>())).SampleAsync(
            async (file, kind) => (await ReadAsync(new MemoryStream(file), kind)).ShouldNotBeEmpty(), iter: 2000);

    [Fact]
    public async Task Rows_and_errors_do_not_depend_on_how_the_stream_is_cut() =>
        await Gen.Select(s_damaged, Gen.Int[1, 60].Array[1, 4], Gen.OneOf(Enum.GetValues<DatasetKind>())).SampleAsync(
            async (file, sizes, kind) => (await ReadAsync(new ChoppedStream(file, sizes), kind)).ShouldBe(await ReadAsync(new MemoryStream(file), kind)), iter: 1500);

    [Fact]
    public async Task Validating_finds_what_reading_finds() =>
        await Gen.Select(s_damaged, Gen.OneOf(Enum.GetValues<DatasetKind>())).SampleAsync(
            async (file, kind) => (await ValidateAsync(file, kind)).ShouldBe(await SumUpAsync(file, kind)), iter: 2000);

    [Fact]
    public async Task A_broken_line_is_told_by_its_number_and_leaves_its_neighbours_alone() =>
        await Gen.Select(s_lines, Gen.Int, s_damage).SampleAsync(
            async (lines, which, damage) =>
            {
                var index = 1 + ((which & int.MaxValue) % (lines.Length - 1));
                var damaged = damage.On(lines[index].Utf8(), keepLine: true);
                byte[] file = [.. string.Concat(lines[..index].Select(l => l + "\n")).Utf8(), .. damaged, .. "\n"u8, .. string.Join('\n', lines[(index + 1)..]).Utf8()];
                var before = await RowsAsync(string.Join('\n', lines).Utf8());
                List<DatasetItem> after;
                try
                {
                    after = await RowsAsync(file);
                }
                catch (DatasetFileException e)
                {
                    // A file with a zero byte at its beginning is no text.
                    (e.Code, e.Line).ShouldBe(damaged.Contains((byte)0) ? (DatasetErrorCodes.Binary, null) : (DatasetErrorCodes.NotUtf8, index + 1));
                    return;
                }

                after.Where(i => i.Error is not null).ShouldAllBe(i => i.Error!.Line == index + 1);
                var neighbours = before.Where(i => i.Row!.Line != index + 1).Select(Describe);
                after.Where(i => i.Row is { } row && row.Line != index + 1).Select(Describe).ShouldBe(neighbours);
            },
            iter: 2000);

    [Fact]
    public async Task Rows_that_are_saved_come_back_the_same() =>
        await Gen.Select(Rows.Conversations, Gen.OneOf(DatasetFileType.JsonLines, DatasetFileType.Json)).SampleAsync(RoundTripAsync, iter: 100);

    [Fact]
    public async Task Rows_of_one_turn_come_back_the_same_from_csv() =>
        await Rows.SingleTurns.SampleAsync(rows => RoundTripAsync(rows, DatasetFileType.Csv), iter: 100);

    [Fact]
    public async Task Rows_of_the_other_kinds_come_back_the_same() =>
        await Rows.OfKind.SampleAsync(
            async of =>
            {
                var path = Path.Combine(Path.GetTempPath(), $"qianfan-test-{Guid.NewGuid():N}");
                try
                {
                    var saved = await Dataset.FromRows(of.Rows, kind: of.Kind).SaveAsync(path, DatasetFileType.JsonLines, Given.Token);
                    (await saved.Select(r => DescribeAll(r)).ToListAsync(Given.Token)).ShouldBe(of.Rows.Select(r => DescribeAll(r)));
                }
                finally
                {
                    File.Delete(path);
                }
            },
            iter: 100);

    [Fact]
    public async Task Conversations_that_are_taken_apart_and_put_together_are_the_same() =>
        await Rows.Conversations.SampleAsync(
            async rows => (await Dataset.FromRows(rows).Unpack().Pack().Select(Describe).ToListAsync(Given.Token)).ShouldBe(rows.Select(Describe)), iter: 200);

    private static async Task RoundTripAsync(DatasetRow[] rows, DatasetFileType type)
    {
        var path = Path.Combine(Path.GetTempPath(), $"qianfan-test-{Guid.NewGuid():N}");
        try
        {
            var saved = await Dataset.FromRows(rows).SaveAsync(path, type, Given.Token);
            (await saved.Select(r => Describe(r)).ToListAsync(Given.Token)).ShouldBe(rows.Select(r => Describe(r)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Describe(DatasetRow row) => string.Join('|', row.Messages.Select(m => $"{m.Role}={m.Content}={m.Weight}"));

    private static string DescribeAll(DatasetRow row) =>
        $"{Describe(row)} {row.Chosen} {row.Rejected} {row.Text} {string.Join('|', row.Messages.SelectMany(m => m.Alternatives ?? []))} {string.Join('|', row.Messages.SelectMany(m => m.Scores ?? []))}";

    private static string Describe(DatasetItem item) =>
        item.Error is { } e ? $"{e.Line} {e.Field} {e.Code} {e.Message}" : $"{item.Row!.Line} {Describe(item.Row)} {item.Row.Chosen} {item.Row.Rejected} {item.Row.Text}";

    private static async Task<List<DatasetItem>> RowsAsync(byte[] file) => await DatasetReader.ReadAsync(new MemoryStream(file), null, Given.Token).ToListAsync(Given.Token);

    private static async Task<List<string>> ReadAsync(Stream file, DatasetKind kind)
    {
        var found = new List<string>();
        try
        {
            await foreach (var item in DatasetReader.ReadAsync(file, new DatasetReaderOptions { Kind = kind, MaxRowBytes = 1024 }, Given.Token))
            {
                found.Add(Describe(item));
            }
        }
        catch (DatasetFileException e)
        {
            found.Add($"{e.Code} {e.Line} {e.Message}");
        }

        return found;
    }

    private static async Task<string> ValidateAsync(byte[] file, DatasetKind kind)
    {
        try
        {
            var summary = await DatasetReader.ValidateAsync(new MemoryStream(file), new DatasetReaderOptions { Kind = kind }, maxErrors: int.MaxValue, maxSamples: 0, cancellationToken: Given.Token);
            return $"{summary.GoodRows} {summary.Characters} {string.Join('|', summary.Errors)}";
        }
        catch (DatasetFileException e)
        {
            return e.Code;
        }
    }

    private static async Task<string> SumUpAsync(byte[] file, DatasetKind kind)
    {
        try
        {
            var items = await DatasetReader.ReadAsync(new MemoryStream(file), new DatasetReaderOptions { Kind = kind }, Given.Token).ToListAsync(Given.Token);
            var rows = items.Where(i => i.Row is not null).Select(i => i.Row!).ToList();
            return $"{rows.Count} {rows.Sum(Characters)} {string.Join('|', items.Where(i => i.Error is not null).Select(i => i.Error))}";
        }
        catch (DatasetFileException e)
        {
            return e.Code;
        }
    }

    private static int Characters(DatasetRow row) =>
        row.Messages.Sum(m => m.Content.Length + (m.Alternatives?.Sum(a => a.Length) ?? 0)) + (row.Chosen?.Length ?? 0) + (row.Rejected?.Length ?? 0) + (row.Text?.Length ?? 0);

    private static JsonObject Turn(string prompt, string response) => new() { ["prompt"] = prompt, ["response"] = new JsonArray(new JsonArray(response)) };

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    public sealed record Change(int What, double Where, byte With)
    {
        public byte[] On(byte[] bytes, bool keepLine = false)
        {
            var with = keepLine && With == (byte)'\n' ? (byte)' ' : With;
            var at = (int)(bytes.Length * Where);
            return (bytes.Length == at ? 2 : What) switch
            {
                0 => [.. bytes[..at], .. bytes[(at + 1)..]],
                1 => [.. bytes[..at], with, .. bytes[(at + 1)..]],
                _ => [.. bytes[..at], with, .. bytes[at..]],
            };
        }
    }

    private static class Rows
    {
        private static readonly Gen<string> s_text = Texts.Full.Select(t => t.Replace("\0", "", StringComparison.Ordinal) + ".");

        public static Gen<DatasetRow[]> SingleTurns { get; } = Row(1).Array[1, 5].Select(Number);

        public static Gen<DatasetRow[]> Conversations { get; } = Row(4).Array[1, 5].Select(Number);

        public static Gen<(DatasetKind Kind, DatasetRow[] Rows)> OfKind { get; } = Gen.OneOf(
            s_text.Select(t => new DatasetRow(1, []) { Text = t }).Array[1, 4].Select(rows => (DatasetKind.Text, Number(rows))),
            s_text.Array[1, 3].Select(texts => new DatasetRow(1, [.. texts.Select(t => new DatasetMessage("user", t))])).Array[1, 4].Select(rows => (DatasetKind.PromptSet, Number(rows))),
            Gen.Select(s_text, s_text, s_text, Gen.Int[0, 2], (user, chosen, rejected, only) => new DatasetRow(1, [new("user", user)]) { Chosen = only == 1 ? null : chosen, Rejected = only == 2 ? null : rejected })
                .Array[1, 4].Select(rows => (DatasetKind.Preference, Number(rows))),
            Gen.Select(s_text, s_text.Array[1, 4], Gen.Bool, (user, answers, scored) => new DatasetRow(
                1,
                [new("user", user), new("assistant", answers[0]) { Alternatives = answers.Length > 1 ? answers[1..] : null, Scores = scored ? [.. answers.Select((_, i) => 1.0 / (i + 1))] : null }]))
                .Array[1, 4].Select(rows => (DatasetKind.SortedResponses, Number(rows))));

        private static Gen<DatasetRow> Row(int turns) => Gen.Select(s_text, Gen.Bool, Gen.Select(s_text, s_text).Array[1, turns], (system, hasSystem, pairs) => new DatasetRow(
            1,
            [.. hasSystem ? [new DatasetMessage("system", system)] : (DatasetMessage[])[], .. pairs.SelectMany(p => (DatasetMessage[])[new("user", p.Item1), new("assistant", p.Item2)])]));

        private static DatasetRow[] Number(DatasetRow[] rows) => [.. rows.Select((r, i) => r with { Line = i + 1 })];
    }
}
