using System.Text;
using Qianfan.Engine.Serving.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>One request under way.</summary>
internal sealed class Slot
{
    private readonly int[] _prompt;
    private readonly List<int> _answer = [];
    private readonly Sampler _sampler;
    private readonly AnswerText _text;
    private readonly int _mostTokens;
    private int? _cached;
    private readonly IReadOnlySet<int> _stopTokens;
    private bool _mayStrip;
    private JsonState? _json;

    /// <param name="request">Checked already.</param>
    /// <param name="model">The model that it asks for.</param>
    /// <param name="prompt">Its tokens.</param>
    /// <param name="context">Most tokens of prompt and answer together.</param>
    public Slot(Generate request, ServedModel model, IReadOnlyList<int> prompt, int context)
    {
        RequestId = request.RequestId;
        ModelKey = request.ModelKey;
        Model = model;
        _prompt = [.. prompt];
        _sampler = new Sampler(request.Sampling, prompt);
        _text = new AnswerText(request.Sampling.Stop);
        _mostTokens = Math.Min(request.Sampling.MaxTokens, context - prompt.Count);
        _stopTokens = request.Messages is null ? model.Base.StopTokens : model.Base.ChatStopTokens;
        // A plain text goes on after its prompt; an answer is a text of its own, whose first word mark is no space.
        _json = request.Sampling.ResponseFormat switch
        {
            "json_object" => JsonState.Start(JsonShape.AnyObject),
            "json_schema" => JsonState.Start(JsonShape.Read(request.Sampling.JsonSchema!.Value)),
            _ => null,
        };
        _mayStrip = request.Messages is not null && model.Tokenizer.StripsSpace;
    }

    public string RequestId { get; }

    public string ModelKey { get; }

    public ServedModel Model { get; }

    /// <summary>Keys and values so far; null until the request was first looked at.</summary>
    public KeyValueCache? Cache { get; private set; }

    /// <summary>Most tokens that will be in the cache: the last of the answer isn't read any more.</summary>
    public int MostCachedTokens => _prompt.Length + _mostTokens - 1;

    /// <summary>Tokens in the cache.</summary>
    public int[] CachedTokens => [.. _prompt.Concat(_answer).Take(Cache?.Length ?? 0)];

    /// <summary>Set by another request; takes effect with the next step.</summary>
    public bool Cancelled { get; set; }

    /// <summary>Whether something of it went through the model.</summary>
    public bool Began => _cached is not null;

    /// <summary>Whether the whole prompt went through, so that scores of the next token are wanted.</summary>
    public bool PromptDone => Cache!.Length >= _prompt.Length;

    /// <summary>Takes over what others were through already; for one that hasn't begun.</summary>
    public void Share(PagePool pool, KeptConversations kept, IEnumerable<Slot> underWay)
    {
        Cache ??= new KeyValueCache(Model.Shape, pool);
        kept.Share(Model, _prompt, Cache, underWay);
    }

    /// <summary>Goes without what others were through: the room is needed.</summary>
    public void Unshare() => Cache?.Release();

    /// <summary>Whether another reads just now what this one's prompt begins with: once it has, this one needn't.</summary>
    public bool Follows(Slot other) =>
        Model == other.Model && _prompt.AsSpan().CommonPrefixLength(other._prompt) is var common && Math.Min(common, _prompt.Length - 1) / Page.Tokens * Page.Tokens > Cache!.Length;

    /// <summary>What goes through the model next: a piece of the prompt, or the last token.</summary>
    public IReadOnlyList<int> NextTokens(int mostPromptTokens)
    {
        _cached ??= Cache!.Length;
        return PromptDone ? [_answer[^1]] : _prompt.AsSpan(Cache!.Length, Math.Min(mostPromptTokens, _prompt.Length - Cache.Length)).ToArray();
    }

    /// <summary>Chooses the next token.</summary>
    /// <exception cref="EngineException">The scores are not numbers, or no token can continue the JSON text.</exception>
    public DecodedSlot Take(Span<float> logits)
    {
        var token = _sampler.Next(logits, _json is null ? null : Restrict);
        _answer.Add(token);
        if (_stopTokens.Contains(token))
            return Line(_text.Finish(), "stop");
        var bytes = Model.Tokenizer.Bytes(token);
        for (var i = 0; _json is not null && i < bytes.Length; i++)
            _json = _json.Next(bytes[i]) ?? throw new InvalidOperationException("A token was chosen that JSON has no place for.");
        var shown = _text.Add(Shown(bytes));
        var line = _text.Stopped ? Line(shown, "stop")
            : _json is { Ended: true } ? Line(shown + _text.Finish(), "stop")
            : _answer.Count >= _mostTokens ? Line(shown + _text.Finish(), "length")
            : Line(shown, null);
        _mayStrip &= bytes.Length == 0;
        return line;
    }

    /// <summary>The last line of a cancelled request.</summary>
    public DecodedSlot Cancel() => Line(_text.Finish(), "cancelled") with { Logprob = null };

    private void Restrict(Span<float> logits)
    {
        if (!Model.Base.Json.Apply(_json!, _mostTokens - _answer.Count, _stopTokens, logits))
            throw new EngineException(WorkerErrors.InvalidModel, "No token of this model's vocabulary can continue the JSON text.");
    }

    private DecodedSlot Line(string text, string? reason) => new(RequestId, text, _prompt.Length, _answer.Count, reason)
    {
        CachedTokens = _cached is 0 ? null : _cached,
        Logprob = _sampler.Probabilities is { } found && _answer.Count > 0 ? Probability(_answer[^1], found.Chosen) with { Top = [.. found.Top.Select(top => Probability(top.Token, top.LogProbability))] } : null,
    };

    private ReadOnlySpan<byte> Shown(ReadOnlySpan<byte> bytes) => _mayStrip && bytes.Length > 0 && bytes[0] == ' ' ? bytes[1..] : bytes;

    // As the answer shows it: the tokens' texts together are its text.
    private TokenLogprob Probability(int token, double logarithm)
    {
        var bytes = Shown(Model.Tokenizer.Bytes(token));
        return new TokenLogprob(Encoding.UTF8.GetString(bytes), logarithm) { Bytes = [.. bytes.ToArray().Select(value => (int)value)] };
    }
}
