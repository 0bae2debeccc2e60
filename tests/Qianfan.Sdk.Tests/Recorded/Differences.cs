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


    public static Difference ServiceList { get; } = new("service list", "The official client asks for the list of services before it calls one by its endpoint; ours does so only for names that it doesn't know.")
    {
        Left = e => e.Path.EndsWith("/service/list", StringComparison.Ordinal),
    };

    public static Difference ExtraParameters { get; } = new("extra parameters", "The official client tells its version in each body; ours in the header request-source.")
    {
        Changed = (_, recorded, _) => recorded.Remove("extra_parameters"),
    };

    public static Difference RequestId { get; } = new("request id", "The official client makes an id for each V1 call; ours takes the one that the platform answers with.")
    {
        LeftHeader = "Request_id",
    };

    public static Difference TokenFirst { get; } = new("token first", "The recorded client began with a token that it was given beside the key pair; ours fetches one when there is a pair, and again when that is refused.")
    {
        Added = (call, _) => call.Contains("/oauth/2.0/token", StringComparison.Ordinal) ? Exchange.Of("token_expired").Single(e => e.Path == "/oauth/2.0/token").Answer : null,
        Moved = e => e.Path == "/oauth/2.0/token",
    };

    public static Difference EmbeddingExtras { get; } = new("embedding extras", "The official client sends an endpoint of null, and that it shall not stream; there is no such choice.")
    {
        Changed = (e, recorded, _) => e.Path == "/v2/embeddings" && recorded.Remove("stream") && recorded.Remove("endpoint"),
    };

    public static Difference TokenBody { get; } = new("token body", "The official client sends an empty object with the GET of the bearer token; ours sends no body with a GET.")
    {
        LeftBody = e => e.Path == "/v1/BCE-BEARER/token",
    };

    public static Difference NoTokenizer { get; } = new("no tokenizer", "Counting the tokens of a text over the network is no part of this library.")
    {
        Left = e => e.Path.EndsWith("/tokenizer/erniebot", StringComparison.Ordinal),
    };

    public static Difference StopStopsTheTask { get; } = new("stop stops the task", "The seed's stop leaves the task running and waits for its end; ours stops it.")
    {
        Added = (call, _) => call.EndsWith("/finetune/stopJob", StringComparison.Ordinal) ? """{"log_id":"1","result":true}""" : null,
    };

    public static Difference DpoTemplate { get; } = new("DPO template", "The dataset of the recording says that it holds prompts and responses, and the official client doesn't look; ours trains by DPO on chosen and rejected answers only.")
    {
        Answered = e => e.Path.EndsWith("/dataset/info", StringComparison.Ordinal) ? e.Answer.Replace("\"templateType\":2000", "\"templateType\":2002", StringComparison.Ordinal) : null,
    };

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
