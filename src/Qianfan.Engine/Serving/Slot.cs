using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>One request under way.</summary>
internal sealed class Slot
{
    private readonly IReadOnlyList<int> _prompt;
    private readonly Sampler _sampler;
    private readonly AnswerText _text;
    private readonly int _mostTokens;
    private int _fed;
    private int _last = -1;
    private int _generated;
    private readonly IReadOnlySet<int> _stopTokens;
    private bool _mayStrip;

    public Slot(Generate request, ServedModel model, IReadOnlyList<int> prompt)
    {
        RequestId = request.RequestId;
        ModelKey = request.ModelKey;
        Model = model;
        _prompt = prompt;
        _sampler = new Sampler(request.Sampling, prompt);
        _text = new AnswerText(request.Sampling.Stop);
        _mostTokens = Math.Min(request.Sampling.MaxTokens, model.Shape.ContextLength - prompt.Count);
        _stopTokens = request.Messages is null ? model.StopTokens : model.ChatStopTokens;
        Cache = new KeyValueCache(model.Shape);
        // A plain text goes on after its prompt; an answer is a text of its own, whose first word mark is no space.
        _mayStrip = request.Messages is not null && model.Tokenizer.StripsSpace;
    }

    public string RequestId { get; }

    public string ModelKey { get; }

    public ServedModel Model { get; }

    public KeyValueCache Cache { get; }

    /// <summary>Set by another request; takes effect with the next step.</summary>
    public bool Cancelled { get; set; }

    /// <summary>What goes through the model next: a piece of the prompt, or the last token.</summary>
    public IReadOnlyList<int> NextTokens(int mostPromptTokens)
    {
        if (_fed == _prompt.Count)
            return [_last];
        var piece = _prompt.Skip(_fed).Take(mostPromptTokens).ToArray();
        _fed += piece.Length;
        return piece;
    }

    /// <summary>Whether the whole prompt went through, so that scores of the next token are wanted.</summary>
    public bool PromptDone => _fed == _prompt.Count;

    /// <summary>Chooses the next token.</summary>
    public DecodedSlot Take(Span<float> logits)
    {
        _last = _sampler.Next(logits);
        _generated++;
        if (_stopTokens.Contains(_last))
            return Line(_text.Finish(), "stop");
        var bytes = Model.Tokenizer.Bytes(_last);
        if (_mayStrip && bytes.Length > 0)
        {
            if (bytes[0] == ' ')
                bytes = bytes[1..];
            _mayStrip = false;
        }
        var shown = _text.Add(bytes);
        if (_text.Stopped)
            return Line(shown, "stop");
        return _generated >= _mostTokens ? Line(shown + _text.Finish(), "length") : Line(shown, null);
    }

    /// <summary>The last line of a cancelled request.</summary>
    public DecodedSlot Cancel() => Line(_text.Finish(), "cancelled");

    private DecodedSlot Line(string text, string? reason) => new(RequestId, text, _prompt.Count, _generated, reason);
}
