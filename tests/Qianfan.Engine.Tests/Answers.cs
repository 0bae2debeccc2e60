using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Asks a served model.</summary>
internal static class Answers
{
    public static string Greedy(ServedModel model, string question) => Greedy(model, [question])[0];

    /// <summary>What a model writes after a text, and why it ends there.</summary>
    public static (string Text, string? FinishReason) Continued(ServedModel model, string prompt)
    {
        var messages = new List<WorkerMessage>();
        var engine = new ServingEngine(messages.Add, new PagePool(256 << 20));
        engine.Add(new LoadModel("load", "m", ""), model);
        engine.Handle(new Generate("r", "m", null, prompt, new SamplingConfig { Temperature = 0, MaxTokens = 80 }));
        while (engine.HasWork)
            engine.Step();
        messages.OfType<RequestFailed>().ShouldBeEmpty();
        var slots = messages.OfType<DecodeStep>().SelectMany(step => step.Slots).ToList();
        return (string.Concat(slots.Select(slot => slot.Text)), slots[^1].FinishReason);
    }

    /// <summary>The answers to many questions, each a conversation of its own, in their order.</summary>
    public static IReadOnlyList<string> Greedy(ServedModel model, IReadOnlyList<string> questions)
    {
        var messages = new List<WorkerMessage>();
        var engine = new ServingEngine(messages.Add, new PagePool(256 << 20));
        engine.Add(new LoadModel("load", "m", ""), model);
        for (var i = 0; i < questions.Count; i++)
            engine.Handle(new Generate($"{i}", "m", [new("user", questions[i])], null, new SamplingConfig { Temperature = 0, MaxTokens = 100 }));
        while (engine.HasWork)
            engine.Step();
        messages.OfType<RequestFailed>().ShouldBeEmpty();
        var texts = messages.OfType<DecodeStep>().SelectMany(step => step.Slots).ToLookup(slot => slot.RequestId, slot => slot.Text);
        return [.. questions.Select((_, i) => string.Concat(texts[$"{i}"]))];
    }
}
