using System.Diagnostics;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Telemetry;

/// <summary>One activity for each execution of an action; those of a pipeline's actions stand below the pipeline's.</summary>
internal static class ActionTelemetry
{
    /// <summary>Does the work of an action inside its activity.</summary>
    public static async Task<JsonObject> RunAsync(BaseAction action, ActionRun run, Func<Task<JsonObject>> work)
    {
        using var activity = QianfanTelemetry.Source.StartActivity(action.GetType().Name);
        activity?.SetTag("qianfan.action.class", action.GetType().Name);
        activity?.SetTag("qianfan.action.id", action.Id);
        activity?.SetTag("qianfan.action.resumed", run.IsResumed);
        try
        {
            var output = await work().ConfigureAwait(false);
            activity?.SetTag("qianfan.action.outcome", "done");
            return output;
        }
        catch (Exception e)
        {
            // A stop is wanted, and a shutdown says nothing about the work.
            var outcome = e switch { ActionStoppedException => "stopped", OperationCanceledException => "interrupted", _ => "error" };
            activity?.SetTag("qianfan.action.outcome", outcome);
            if (outcome == "error")
            {
                activity?.SetTag("error.type", TelemetryErrors.TypeOf(e));
                activity?.SetStatus(ActivityStatusCode.Error);
            }

            throw;
        }
    }
}
