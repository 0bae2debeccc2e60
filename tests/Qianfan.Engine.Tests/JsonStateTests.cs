using System.Text;
using System.Text.Json;
using CsCheck;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Serving.Json;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class JsonStateTests
{
    private const string Person = """
        {"type":"object","title":"A person","properties":{"name":{"type":"string"},"age":{"type":"integer"},"kind":{"enum":["a","ab",1,12,null]},"tags":{"type":"array","items":{"type":["boolean","number"]}}},"required":["name","kind"]}
        """;

    private static JsonShape Shape(string schema)
    {
        using var document = JsonDocument.Parse(schema);
        return JsonShape.Read(document.RootElement.Clone());
    }

    private static bool Accepts(JsonShape shape, ReadOnlySpan<byte> text)
    {
        JsonState? state = JsonState.Start(shape);
        foreach (var value in text)
        {
            state = state.Next(value);
            if (state is null)
                return false;
        }
        return state.MayEnd;
    }

    private static bool Accepts(JsonShape shape, string text) => Accepts(shape, Encoding.UTF8.GetBytes(text));

    [Theory]
    [InlineData("""{"a": [1, -2.5e+3, true, false, null, "x\n\"\u00e9天😀"], "b" : { } }""")]
    [InlineData("[]")]
    [InlineData(" [ [ ] , { \"\" : 0 } ]")]
    [InlineData("-0.5E2")]
    [InlineData("\"\"")]
    public void Json_is_accepted(string text) => Accepts(JsonShape.Any, text).ShouldBeTrue();

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"a\"}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("[1,]")]
    [InlineData("[1 2]")]
    [InlineData("01")]
    [InlineData("1.")]
    [InlineData("-")]
    [InlineData("+1")]
    [InlineData("truе")]
    [InlineData("\"\\x\"")]
    [InlineData("\"\\ud83d\"")]
    [InlineData("\"a\nb\"")]
    [InlineData("{} {}")]
    public void What_is_no_json_is_not_accepted(string text) => Accepts(JsonShape.Any, text).ShouldBeFalse();

    [Fact]
    public void Bytes_that_are_no_characters_are_not_accepted()
    {
        foreach (var bytes in (byte[][])[[0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xe5, 0xa4]])
            Accepts(JsonShape.Any, [(byte)'"', .. bytes, (byte)'"']).ShouldBeFalse();
    }

    [Theory]
    [InlineData("""{"name":"x","kind":"a"}""", true)]
    [InlineData("""{"kind":12,"tags":[true,1.5],"age":-3,"name":""}""", true)]
    [InlineData("""{"kind":1,"name":""}""", true)]
    [InlineData("""{"name":"x"}""", false)]
    [InlineData("""{"name":"x","kind":"b"}""", false)]
    [InlineData("""{"name":"x","kind":"a","age":1.5}""", false)]
    [InlineData("""{"name":"x","kind":"a","other":1}""", false)]
    [InlineData("""{"name":"x","kind":"a","name":"y"}""", false)]
    [InlineData("""{"name":1,"kind":"a"}""", false)]
    [InlineData("""{"name":"x","kind":"a","tags":["x"]}""", false)]
    [InlineData("[]", false)]
    public void A_schema_holds(string text, bool fits) => Accepts(Shape(Person), text).ShouldBe(fits);

    [Theory]
    [InlineData("""{"type":"strnig"}""", "jsonSchema.type")]
    [InlineData("""{"anyOf":[]}""", "anyOf")]
    [InlineData("""{"properties":{"a":{"pattern":"x"}}}""", "jsonSchema.properties.a")]
    [InlineData("""{"enum":[]}""", "jsonSchema.enum")]
    [InlineData("""{"additionalProperties":{"type":"string"}}""", "jsonSchema.additionalProperties")]
    [InlineData("""[]""", "jsonSchema")]
    [InlineData("""{"properties":{"\ud83d":{}}}""", "jsonSchema")]
    [InlineData("""{"enum":["\ud83d"]}""", "jsonSchema")]
    [InlineData("""{"required":["\ud83d"]}""", "jsonSchema")]
    [InlineData("""{"type":"\ud83d"}""", "jsonSchema")]
    public void What_a_schema_asks_for_and_is_not_known_is_refused_by_name(string schema, string name)
    {
        var refusal = Should.Throw<EngineException>(() => Shape(schema));
        refusal.Code.ShouldBe(WorkerErrors.InvalidArgument);
        refusal.Message.ShouldContain(name);
    }

    /// <summary>Whoever writes at random, the text can always be completed in as many bytes as the state says, and what comes out is JSON.</summary>
    [Fact]
    public void Every_walk_ends_in_json_within_the_bytes_that_it_says()
    {
        JsonShape[] shapes = [JsonShape.Any, JsonShape.AnyObject, Shape(Person), Shape("""{"type":"array","items":{"type":"object","properties":{"é":{"type":"object","required":["q"]}},"required":["é"]}}""")];
        Gen.Select(Gen.Int[0, shapes.Length - 1], Gen.Int[0, 60], Gen.Long).Sample((index, steps, seed) =>
        {
            var random = new SeededRandom(seed);
            var state = JsonState.Start(shapes[index]);
            var text = new List<byte>();
            while (text.Count < steps && !state.Ended)
            {
                var next = Followers(state).ToList();
                if (next.Count == 0)
                    break;
                var (value, after) = next[random.Next(next.Count)];
                text.Add(value);
                state = after;
            }
            for (var left = state.Least; left > 0; left--)
            {
                var (value, after) = Followers(state).First(next => next.After.Least == left - 1);
                text.Add(value);
                state = after;
            }
            state.MayEnd.ShouldBeTrue();
            Accepts(shapes[index], text.ToArray()).ShouldBeTrue();
            using var document = JsonDocument.Parse(text.ToArray(), new JsonDocumentOptions { MaxDepth = 128 });
        }, iter: 300, threads: 1);
    }

    private static IEnumerable<(byte Value, JsonState After)> Followers(JsonState state)
    {
        for (var value = 0; value < 256; value++)
        {
            if (state.Next((byte)value) is { } after)
                yield return ((byte)value, after);
        }
    }

    [Fact]
    public void Masks_allow_the_very_tokens_whose_bytes_can_follow()
    {
        using var folder = new TestFolder();
        TinyModel.WriteTokenizer(folder.Path);
        var tokenizer = TextTokenizer.Read(folder.Path);
        var masks = new JsonMasks(new TokenBytes(tokenizer));
        var ends = new HashSet<int> { tokenizer.Size - 1 };
        foreach (var text in (string[])["", "{", "{\"na", "{\"name\":\"th", "{\"name\":\"x\",\"kind\":1", "{\"name\":\"x\",\"kind\":1,\"tags\":[1.", "{\"name\":\"x\",\"kind\":1}"])
        {
            var state = Encoding.UTF8.GetBytes(text).Aggregate(JsonState.Start(Shape(Person)), (at, value) => at.Next(value)!);
            foreach (var left in (int[])[1000, state.Least + 1])
            {
                var scores = new float[tokenizer.Size];
                masks.Apply(state, left, ends, scores);
                for (var token = 0; token < tokenizer.Size; token++)
                {
                    JsonState? after = state;
                    foreach (var value in tokenizer.Bytes(token))
                        after = after?.Next(value);
                    var fits = ends.Contains(token) ? state.MayEnd : tokenizer.Bytes(token).Length > 0 && after is not null && after.Least < left;
                    float.IsFinite(scores[token]).ShouldBe(fits, $"{text}, token {token}");
                }
            }
        }
    }
}
