using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Inference;

/// <summary>Chat, completions and embeddings: Qianfan V2 and V1, and OpenAI's, which differ in their envelopes only.</summary>
internal static class InferenceApi
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";
    private const int MostInputs = 256;

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.InferenceV2)
            .Read("POST", "/v2/chat/completions", ChatV2Async)
            .Read("POST", "/v2/completions", CompletionV2Async)
            .Read("POST", "/v2/embeddings", EmbeddingsV2Async)
            .Read("GET", "/v2/models", ModelsAsync);
        routes.Family(ApiFamilies.OpenAI)
            .Read("POST", "/v1/chat/completions", ChatOpenAIAsync)
            .Read("POST", "/v1/completions", CompletionOpenAIAsync)
            .Read("POST", "/v1/embeddings", EmbeddingsOpenAIAsync)
            .Read("GET", "/v1/models", ModelsAsync)
            .Read("GET", "/v1/models/{model}", ModelAsync);
        routes.Family(ApiFamilies.InferenceV1)
            .Read("POST", V1 + "chat/{endpoint}", ChatV1Async)
            .Read("POST", V1 + "completions/{endpoint}", CompletionV1Async)
            .Read("POST", V1 + "embeddings/{endpoint}", EmbeddingsV1Async);
    }

    private static Task ChatV2Async(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToChat(null, strict: true);
        return AnswerAsync(context, caller, inference, request, new ChatShape("as-", request.Model ?? "", Now(time), body.Value.IncludesUsage, ApiFamilies.InferenceV2), body.Value);
    }

    private static Task ChatOpenAIAsync(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToChat(null, strict: false);
        return AnswerAsync(context, caller, inference, request, new ChatShape("chatcmpl-", request.Model ?? "", Now(time), body.Value.IncludesUsage, ApiFamilies.OpenAI), body.Value);
    }

    private static Task CompletionV2Async(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToCompletion(null);
        return AnswerAsync(context, caller, inference, request, new CompletionShape("as-", request.Model ?? "", Now(time), body.Value.IncludesUsage, ApiFamilies.InferenceV2), body.Value);
    }

    private static Task CompletionOpenAIAsync(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToCompletion(null);
        return AnswerAsync(context, caller, inference, request, new CompletionShape("cmpl-", request.Model ?? "", Now(time), body.Value.IncludesUsage, ApiFamilies.OpenAI), body.Value);
    }

    private static Task ChatV1Async(string endpoint, HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        EchoRequestId(context);
        return AnswerAsync(context, caller, inference, body.Value.ToChat(endpoint, strict: true), new V1Shape("chat.completion", Now(time), ApiFamilies.InferenceV1), body.Value);
    }

    private static Task CompletionV1Async(string endpoint, HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        EchoRequestId(context);
        return AnswerAsync(context, caller, inference, body.Value.ToCompletion(endpoint), new V1Shape("completion", Now(time), ApiFamilies.InferenceV1), body.Value);
    }

    private static Task AnswerAsync(HttpContext context, PlatformCaller caller, InferenceService inference, GenerationRequest request, AnswerShape shape, ChatBody body) =>
        Generation.AnswerAsync(context, inference.GenerateAsync(caller.OwnerId, request, context.RequestAborted), shape, body.Stream == true);

    private static Task<IResult> EmbeddingsV2Async(Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time, CancellationToken cancellationToken) =>
        EmbedAsync(caller, inference, time, body.Value.Model, body.Value, "embedding_list", cancellationToken);

    private static Task<IResult> EmbeddingsOpenAIAsync(Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time, CancellationToken cancellationToken) =>
        EmbedAsync(caller, inference, time, body.Value.Model, body.Value, "list", cancellationToken);

    private static Task<IResult> EmbeddingsV1Async(string endpoint, HttpContext context, Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time, CancellationToken cancellationToken)
    {
        EchoRequestId(context);
        return EmbedAsync(caller, inference, time, endpoint, body.Value, "embedding_list", cancellationToken);
    }

    private static async Task<IResult> EmbedAsync(
        PlatformCaller caller, InferenceService inference, TimeProvider time, string? model, EmbeddingsBody body, string kind, CancellationToken cancellationToken)
    {
        var answer = await inference.EmbedAsync(caller.OwnerId, model, body.Texts(MostInputs), cancellationToken);
        return Answers.Plain(new
        {
            id = PublicId.Answer("as-"),
            @object = kind,
            created = Now(time),
            model,
            data = answer.Vectors.Select((vector, index) => new { @object = "embedding", index, embedding = body.Format(vector) }),
            usage = new { prompt_tokens = answer.PromptTokens, total_tokens = answer.PromptTokens },
        });
    }

    private static async Task<IResult> ModelsAsync(PlatformCaller caller, ModelRouter router, CancellationToken cancellationToken)
    {
        var models = await router.ListAsync(caller.OwnerId, cancellationToken);
        return Answers.Plain(new { @object = "list", data = models.Select(model => Describe(model.Id, model.Created, model.Owner)) });
    }

    private static async Task<IResult> ModelAsync(string model, PlatformCaller caller, ModelRouter router, CancellationToken cancellationToken)
    {
        var models = await router.ListAsync(caller.OwnerId, cancellationToken);
        return models.FirstOrDefault(entry => entry.Id == model) is { Id: not null } found
            ? Answers.Plain(Describe(found.Id, found.Created, found.Owner))
            : throw new PlatformException(PlatformError.UnknownModel, $"The model {PlatformException.Shown(model)} does not exist", "model");
    }

    private static object Describe(string id, DateTimeOffset? created, string owner) =>
        new { id, @object = "model", created = created?.ToUnixTimeSeconds() ?? 0, owned_by = owner };

    private static long Now(TimeProvider time) => time.GetUtcNow().ToUnixTimeSeconds();

    // V1 clients find their own id of the request in the answer.
    private static void EchoRequestId(HttpContext context)
    {
        var id = context.Request.Headers["Request_id"].ToString();
        if (id.Length is > 0 and <= 128 && id.All(c => c is > ' ' and < (char)127)) context.Response.Headers["X-Baidu-Request-Id"] = id;
    }
}

/// <summary>The body of an embeddings request.</summary>
internal sealed record EmbeddingsBody
{
    [JsonPropertyName("model")]
    public string? Model { get; init; }

    [JsonPropertyName("input")]
    public JsonElement? Input { get; init; }

    [JsonPropertyName("encoding_format")]
    public string? EncodingFormat { get; init; }

    public IReadOnlyList<string> Texts(int most)
    {
        List<string> texts = Input switch
        {
            { ValueKind: JsonValueKind.String } text => [text.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => [.. list.EnumerateArray().Select(item => item.GetString()!)],
            null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => throw PlatformException.Missing("input"),
            _ => throw PlatformException.Invalid("input", "param[input] invalid: it must be a text or a list of texts"),
        };
        if (texts.Count == 0 || texts.Count > most) throw PlatformException.Invalid("input", $"param[input] invalid: it must have 1 to {most} texts");
        if (texts.FindIndex(string.IsNullOrEmpty) is var empty and >= 0) throw PlatformException.Invalid("input", $"param[input] invalid: text {empty} is empty");
        return texts;
    }

    public object Format(IReadOnlyList<float> vector) => EncodingFormat switch
    {
        null or "float" => vector,
        "base64" => Convert.ToBase64String(MemoryMarshal.AsBytes<float>([.. vector])),
        _ => throw PlatformException.Invalid("encoding_format", "param[encoding_format] invalid: it must be float or base64"),
    };
}
