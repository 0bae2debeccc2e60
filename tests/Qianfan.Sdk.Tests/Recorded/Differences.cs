using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>Every way in which our requests are meant to differ from the recorded ones, each with its reason.</summary>
internal static class Differences
{

    public static Difference Names { get; } = new("names", "The official client invents names at random; ours end in a suffix derived from the action's id, by which a thing is found again before it is created a second time.")
    {
        Changed = (exchange, recorded, sent) =>
        {
            var changed = false;
            foreach (var member in new[] { "name", "modelName", "urlSuffix", "uri" })
            {
                var isOurs = exchange.Path.Contains("dataset", StringComparison.Ordinal) ? false : recorded.ContainsKey(member);
                if (isOurs && sent[member]?.GetValue<string>() is { } ours && ours != recorded[member]!.GetValue<string>() && IsDerived(ours, recorded[member]!.GetValue<string>()))
                {
                    recorded[member] = ours;
                    changed = true;
                }
            }

            return changed;
        },
    };

    public static Difference Saves { get; } = new("saves", "The official client asks for the dataset when it is loaded, checked, and whenever it saves the pipeline to its cache; ours asks once, and saving needs no network.")
    {
        Left = e => e.Path.EndsWith("/dataset/info", StringComparison.Ordinal),
    };

    public static Difference Limits { get; } = new("limits", "The official client asks for the base models once in a process, when the first config is built; ours asks when a training begins, so that limits are those of the platform and of the moment.")
    {
        Added = (call, _) => call.EndsWith("?Action=DescribeFineTuningSupportModels", StringComparison.Ordinal) ? Exchange.Of("finetune_full").Single(e => e.Query == "Action=DescribeFineTuningSupportModels").Answer : null,
    };

    public static Difference LimitsLater { get; } = new("limits later", "The same, in a scenario where the question was recorded.")
    {
        Moved = e => e.Query == "Action=DescribeFineTuningSupportModels",
    };

    public static Difference ModelIdsKnown { get; } = new("model ids known", "The official client's Model asks for ids that the pipeline knows already.")
    {
        Left = e => e.Path.EndsWith("/modelrepo/modelVersionDetail", StringComparison.Ordinal),
    };

    public static Difference ServiceReady { get; } = new("service ready", "The official client's Service asks before each call whether it is ready, and for the list of services; ours calls it, and a service that isn't ready answers so.")
    {
        Left = e => e.Query == "Action=DescribeService" || e.Path.EndsWith("/service/list", StringComparison.Ordinal) || e.Path.EndsWith("/service/detail", StringComparison.Ordinal),
    };

    public static Difference Alias { get; } = new("alias", "The model of the previous task is the name of the SDK; ours sends the platform's name for it.")
    {
        Changed = (e, recorded, _) => Set(e.Query == "Action=CreateFineTuningJob" && recorded["model"]?.GetValue<string>() == "ERNIE-Speed", recorded, "model", "ERNIE-Speed-8K"),
    };

    public static Difference PreviousTaskLater { get; } = new("previous task later", "The official client asks for the previous task in its constructor; ours has no network there and asks when the training begins.")
    {
        Moved = e => e.Scenario == "finetune_incremental" && e.Seq == 2,
    };

    public static Difference TaskNamesBaseModel { get; } = new("task names its base model", "The seed's createTask leaves out the base model, which platforms after it demand.")
    {
        Changed = (e, recorded, _) => e.Path.EndsWith("/createTask", StringComparison.Ordinal)
            && Set(true, recorded, "baseTrainType", "ERNIE-Bot-turbo") && Set(true, recorded, "trainType", "ERNIE-Bot-turbo-0725"),
    };

    public static Difference ReleaseWhenNeeded { get; } = new("release when needed", "The seed releases a dataset that is released already; ours looks first.")
    {
        Left = e => e.Path.EndsWith("/dataset/release", StringComparison.Ordinal),
    };

    public static Difference LookBeforePublish { get; } = new("look before publish", "The seed publishes and looks afterwards whether the training ended well; ours looks first, so that a failed training is never published.")
    {
        Moved = e => e.Path.EndsWith("/publishTrainModel", StringComparison.Ordinal),
    };

    public static Difference LeakedArgument { get; } = new("leaked argument", "The seed's service/apply carries a keyword argument of its own caller.")
    {
        Changed = (e, recorded, _) => e.Path.EndsWith("/service/apply", StringComparison.Ordinal) && recorded.Remove("iteration_id"),
    };


    public static Difference ServiceSpeaksV2 { get; } = new("service speaks V2", "The official client's Service calls V1 inference, which Baidu switched off; ours calls V2. The V1 requests themselves are tested with the chat recordings.")
    {
        Left = IsV1Chat,
    };

    public static Difference SeedChat { get; } = new("seed chat", "The call of the service is a test of its own.")
    {
        Left = e => IsV1Chat(e) || e.Path == "/oauth/2.0/token",
    };

    public static Difference StopStopsTheTask { get; } = new("stop stops the task", "The seed's stop leaves the task running and waits for its end; ours stops it.")
    {
        Added = (call, _) => call.EndsWith("/finetune/stopJob", StringComparison.Ordinal) ? """{"log_id":"1","result":true}""" : null,
    };

    public static Difference DpoTemplate { get; } = new("DPO template", "The dataset of the recording says that it holds prompts and responses, and the official client doesn't look; ours trains by DPO on chosen and rejected answers only.")
    {
        Answered = e => e.Path.EndsWith("/dataset/info", StringComparison.Ordinal) ? e.Answer.Replace("\"templateType\":2000", "\"templateType\":2002", StringComparison.Ordinal) : null,
    };

    private static bool IsV1Chat(Exchange e) => e.Path.StartsWith("/rpc/2.0/", StringComparison.Ordinal);

    /// <summary>Ends in an underscore and ten hexadecimal digits, and begins as was wished, or as nothing in particular where the recorded name is random.</summary>
    private static bool IsDerived(string ours, string recorded)
    {
        var derived = ours.Length > 11 && ours[^11] == '_' && ours[^10..].All(char.IsAsciiHexDigitLower);
        var isWished = recorded is "harness_job" or "mock_failed_task" or "svc_name";
        return (derived && (!isWished || ours[..^11] == recorded)) || ours.StartsWith("m_job-", StringComparison.Ordinal);
    }

    private static bool Set(bool when, JsonObject body, string member, string value)
    {
        if (when)
        {
            body[member] = value;
        }

        return when;
    }
}
