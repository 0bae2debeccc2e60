using System.Text.Json.Nodes;

namespace Qianfan.Platform.Reference;

/// <summary>What handlers read from a request by hand, so that no signature tells it, and examples. Keyed by method and pattern; of actions, with the action.</summary>
internal static class ByHand
{
    /// <summary>Where and how a value stands beside the body.</summary>
    internal sealed record Parameter(string Name, string In, string Type, string Description, bool Required = false);

    /// <summary>Parameters in the address and in headers.</summary>
    public static IReadOnlyDictionary<string, Parameter[]> Parameters { get; } = new Dictionary<string, Parameter[]>(StringComparer.Ordinal)
    {
        ["GET /v1/BCE-BEARER/token"] = [new("expireInSeconds", "query", "integer", "60 to 2592000; 43200 if it is left out.")],
        ["POST /oauth/2.0/token"] = OAuth,
        ["GET /oauth/2.0/token"] = OAuth,
        ["GET /v2/finetuning/tasks/{taskId}/events"] =
        [
            new("after", "query", "integer", "Number of the last event that was heard."),
            new("Last-Event-ID", "header", "integer", "The same, as browsers send it when they come back."),
        ],
        ["GET /v1/fine_tuning/jobs"] = [new("metadata", "query", "object", "metadata[name]=value; metadata=null for jobs without any.")],
    };

    /// <summary>Parts of bodies that are forms.</summary>
    public static IReadOnlyDictionary<string, (string Name, string Type)[]> Forms { get; } = new Dictionary<string, (string, string)[]>(StringComparer.Ordinal)
    {
        ["POST /v1/files"] = [("purpose", "text"), ("file", "file")],
        ["POST /v1/uploads/{uploadId}/parts"] = [("data", "file")],
    };

    /// <summary>Answers that are no JSON, by their type.</summary>
    public static IReadOnlyDictionary<string, string> Answers { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["GET /v1/files/{fileId}/content"] = "application/octet-stream",
        ["GET /v2/finetuning/tasks/{taskId}/events"] = "text/event-stream",
    };

    /// <summary>Bodies that work as they stand.</summary>
    public static IReadOnlyDictionary<string, JsonObject> Examples { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["POST /v1/chat/completions"] = """{"model":"qianfan-tiny","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}],"max_tokens":32,"temperature":0,"logprobs":true,"top_logprobs":2}""",
        ["POST /v1/completions"] = """{"model":"qianfan-tiny","prompt":"Once upon a time","max_tokens":64}""",
        ["POST /v1/embeddings"] = """{"model":"qianfan-tiny","input":["red","green"],"encoding_format":"float"}""",
        ["POST /v1/uploads"] = """{"filename":"rows.jsonl","purpose":"fine-tune","bytes":1024,"mime_type":"application/jsonl"}""",
        ["POST /v2/chat/completions"] = """{"model":"qianfan-tiny","messages":[{"role":"user","content":"Hello"}],"max_completion_tokens":32}""",
        ["POST /v2/completions"] = """{"model":"qianfan-tiny","prompt":"Once upon a time"}""",
        ["POST /v2/embeddings"] = """{"model":"qianfan-tiny","input":["red","green"]}""",
        ["POST /v2/finetuning?Action=CreateFineTuningJob"] = """{"name":"answers","model":"qianfan-tiny","trainMode":"SFT"}""",
        ["POST /v2/finetuning?Action=DescribeFineTuningJobs"] = """{"maxKeys":10}""",
        ["POST /v2/finetuning?Action=DescribeFineTuningSupportModels"] = "{}",
        ["POST /v2/service?Action=DescribeServices"] = "{}",
        ["POST /v2/model?Action=CreateCustomModelSet"] = """{"modelSetName":"answers"}""",
        ["POST /wenxinworkshop/dataset/create"] = """{"name":"rows","versionId":1,"projectType":20,"templateType":2000,"dataType":4,"storageType":"sysBos"}""",
        ["POST /rpc/2.0/ai_custom/v1/wenxinworkshop/chat/{endpoint}"] = """{"messages":[{"role":"user","content":"Hello"}],"max_output_tokens":32}""",
    }.ToDictionary(example => example.Key, example => JsonNode.Parse(example.Value)!.AsObject(), StringComparer.Ordinal);

    private static Parameter[] OAuth =>
    [
        new("grant_type", "query", "string", "client_credentials.", Required: true),
        new("client_id", "query", "string", "The access key.", Required: true),
        new("client_secret", "query", "string", "The secret key.", Required: true),
    ];
}
