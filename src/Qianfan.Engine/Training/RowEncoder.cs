using Qianfan.Engine.Text;

namespace Qianfan.Engine.Training;

/// <summary>Makes tokens of rows: of conversations by the model's chat template, of texts as they stand. What one kind of rows needs is read with the first of them: a base model may have no template. Not thread-safe.</summary>
internal sealed class RowEncoder
{
    private readonly TextTokenizer _tokenizer;
    private readonly Lazy<ChatTemplate> _template;
    private readonly Lazy<int> _end;
    private float[] _ones = [];

    private RowEncoder(string directory, TextTokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _template = new Lazy<ChatTemplate>(() => ChatTemplate.Read(directory, tokenizer));
        _end = new Lazy<int>(() => StopTokens.EndOfText(directory, ChatTemplate.AnswerEnd(directory, tokenizer)));
    }

    /// <exception cref="EngineException">Code <c>invalid_model</c>: the folder has no tokenizer that is known here.</exception>
    public static RowEncoder Read(string directory) => new(directory, TextTokenizer.Read(directory));

    /// <summary>The model's chat template.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: it has none, or one that uses what is not supported.</exception>
    public ChatTemplate Template => _template.Value;

    /// <summary>A text as the model is to write it: with the token that begins texts, where the tokenizer has one, and with the one that ends them. Null when there is nothing in it.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: the model names no token that ends a text.</exception>
    public EncodedRow? Text(string text)
    {
        var end = _end.Value;
        if (text.Length == 0)
            return null;
        var tokens = _tokenizer.EncodeDocument(text, end);
        if (tokens.Count < 2)
            return null;
        // All tokens count alike: texts share the list that says so.
        if (_ones.Length < tokens.Count)
        {
            _ones = new float[Math.Max(tokens.Count, 2 * _ones.Length)];
            Array.Fill(_ones, 1);
        }
        return new EncodedRow(tokens, new ArraySegment<float>(_ones, 0, tokens.Count));
    }
}
