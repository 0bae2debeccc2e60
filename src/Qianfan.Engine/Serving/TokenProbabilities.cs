using System.Numerics.Tensors;

namespace Qianfan.Engine.Serving;

/// <summary>How likely a token was, and what else was likely.</summary>
/// <param name="Chosen">Natural logarithm of the probability of the token that was chosen.</param>
/// <param name="Top">The likeliest tokens, the likeliest first.</param>
internal sealed record TokenProbabilities(double Chosen, IReadOnlyList<(int Token, double LogProbability)> Top)
{
    /// <param name="logits">Scores of all tokens.</param>
    /// <param name="chosen">The token.</param>
    /// <param name="alternatives">How many of the likeliest are wanted.</param>
    public static TokenProbabilities Of(ReadOnlySpan<float> logits, int chosen, int alternatives)
    {
        var largest = TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - largest);
        var scale = largest + Math.Log(sum);
        var top = new PriorityQueue<int, (float, int)>(alternatives + 1);
        for (var token = 0; alternatives > 0 && token < logits.Length; token++)
        {
            // The least likely stands first, of equals the later one.
            if (top.Count < alternatives)
                top.Enqueue(token, (logits[token], -token));
            else if (logits[token] > logits[top.Peek()])
                top.EnqueueDequeue(token, (logits[token], -token));
        }
        var found = new (int, double)[top.Count];
        for (var i = found.Length - 1; i >= 0; i--)
        {
            var token = top.Dequeue();
            found[i] = (token, logits[token] - scale);
        }
        return new TokenProbabilities(logits[chosen] - scale, found);
    }
}
