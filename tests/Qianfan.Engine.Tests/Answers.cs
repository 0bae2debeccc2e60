using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Asks a served model.</summary>
internal static class Answers
{
    public static string Greedy(ServedModel model, string question, int maxTokens = 60)
    {
        var messages = new List<WorkerMessage>();
        var engine = new ServingEngine(messages.Add, new PagePool(256 << 20));
        engine.Add(new LoadModel("load", "m", ""), model);
        engine.Handle(new Generate("r", "m", [new("user", question)], null, new SamplingConfig { Temperature = 0, MaxTokens = maxTokens }));
        while (engine.HasWork)
            engine.Step();
        messages.OfType<RequestFailed>().ShouldBeEmpty();
        return string.Concat(messages.OfType<DecodeStep>().SelectMany(step => step.Slots).Select(slot => slot.Text));
    }
}
