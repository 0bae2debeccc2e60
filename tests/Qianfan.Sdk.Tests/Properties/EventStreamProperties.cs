using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests.Properties;

public sealed class EventStreamProperties
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    private static readonly Gen<Written> s_written = Gen.Select(
        Texts.Any.Array[0, 6],
        Gen.OneOf("\n", "\r\n", "\r"),
        Gen.Bool,
        Gen.Bool,
        Gen.Int[0, 3],
        (pieces, lineEnd, mark, severalLines, comments) => new Written(pieces, lineEnd, mark, severalLines, comments));

    [Fact]
    public async Task However_a_stream_is_written_and_cut_the_answer_is_the_same() =>
        await Gen.Select(s_written, Gen.Int[1, 40].Array[1, 5]).SampleAsync(
            async (written, sizes) => (await ReadAsync(written.Bytes(), sizes)).ShouldBe(written.Pieces), iter: 500);

    [Fact]
    public async Task A_line_may_be_very_long()
    {
        var written = new Written([new string('长', 400_000), "end"], "\n", false, false, 0);
        (await ReadAsync(written.Bytes(), 1777)).ShouldBe(written.Pieces);
    }

    [Fact]
    public async Task A_stream_that_is_cut_off_gives_the_whole_pieces_before_and_says_so() =>
        await Gen.Select(s_written, Gen.Double[0, 1]).SampleAsync(
            async (written, share) =>
            {
                var bytes = written.Bytes();
                var until = (int)((bytes.Length - "[DONE]".Length - (2 * written.LineEnd.Length) - 1) * share);
                var pieces = new List<string>();
                var failure = await Should.ThrowAsync<QianfanRequestException>(() => ReadAsync(bytes[..until], pieces, 7));
                failure.Message.ShouldNotBeEmpty();
                written.Pieces.Take(pieces.Count).ShouldBe(pieces);
            },
            iter: 300);

    private static async Task<List<string>> ReadAsync(byte[] stream, params int[] sizes)
    {
        var pieces = new List<string>();
        await ReadAsync(stream, pieces, sizes);
        return pieces;
    }

    private static async Task ReadAsync(byte[] stream, List<string> pieces, params int[] sizes)
    {
        var client = Given.Client(new ScriptedHandler(ScriptedHandler.Stream(new ChoppedStream(stream, sizes))));
        await foreach (var chunk in client.Chat.StreamAsync(new ChatCompletionRequest { Model = "m", Messages = [ChatMessage.User("q")] }, Given.Token))
        {
            pieces.Add(chunk.Choices[0].Delta!.Content!);
        }
    }

    /// <summary>An answer in pieces, and how it is written.</summary>
    public sealed record Written(string[] Pieces, string LineEnd, bool Mark, bool SeveralLines, int Comments)
    {
        public byte[] Bytes()
        {
            var text = new StringBuilder(Mark ? "\uFEFF" : "");
            foreach (var piece in Pieces)
            {
                text.Insert(text.Length, ": still here" + LineEnd + LineEnd, Comments);
                var chunk = new JsonObject { ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["delta"] = new JsonObject { ["content"] = piece } }) };
                foreach (var line in SeveralLines ? chunk.ToJsonString(s_indented).Split('\n') : [chunk.ToJsonString()])
                {
                    text.Append("data:").Append(Comments % 2 == 0 ? " " : "").Append(line).Append(LineEnd);
                }

                text.Append(LineEnd);
            }

            return Encoding.UTF8.GetBytes(text.Append("data: [DONE]").Append(LineEnd).Append(LineEnd).ToString());
        }
    }
}
