using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.OpenAI;
using Qianfan.Platform.Services;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>Chat, completions and embeddings: Qianfan V2 and V1, and OpenAI's, which differ in their envelopes only.</summary>
internal static class InferenceApi
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/";
    private const int MostInputs = 256;
    private const int MostAnswers = 64;

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.InferenceV2)
            .Infer("/v2/chat/completions", ChatV2Async)
            .Infer("/v2/completions", CompletionV2Async)
            .Infer("/v2/embeddings", EmbeddingsV2Async)
            .For(Needs.ToCallOrRead, "GET", "/v2/models", ModelsAsync);
        routes.Family(ApiFamilies.OpenAI)
            .Infer("/v1/chat/completions", ChatOpenAIAsync)
            .Infer("/v1/completions", CompletionOpenAIAsync)
            .Infer("/v1/embeddings", EmbeddingsOpenAIAsync)
            .For(Needs.ToCallOrRead, "GET", "/v1/models", ModelsAsync)
            .For(Needs.ToCallOrRead, "GET", "/v1/models/{model}", ModelAsync)
            .Write("DELETE", "/v1/models/{model}", DeleteModelAsync);
        routes.Family(ApiFamilies.InferenceV1)
            .Infer(V1 + "chat/{endpoint}", ChatV1Async)
            .Infer(V1 + "completions/{endpoint}", CompletionV1Async)
            .Infer(V1 + "embeddings/{endpoint}", EmbeddingsV1Async)
            .Infer(V1 + "tokenizer/{tokenizer}", TokenizerV1Async);
    }

    private static Task ChatV2Async(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToChat(null, strict: true);
        return AnswerAsync(context, caller, inference, [request], body.Value, choices => new ChatShape(request.Model ?? "", Now(time), body.Value.IncludesUsage, ApiFamilies.InferenceV2) { AnswersPerPrompt = choices });
    }

    private static Task ChatOpenAIAsync(HttpContext context, Body<OpenAIChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var request = body.Value.ToChat();
        return AnswerAsync(context, caller, inference, [request], body.Value, choices => new OpenAIChatShape(request.Model ?? "", Now(time), body.Value.IncludesUsage, body.Value.LogProbabilities == true) { AnswersPerPrompt = choices });
    }

    private static Task CompletionV2Async(HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time) =>
        AnswerAsync(context, caller, inference, body.Value.ToCompletions(null), body.Value, choices =>
            new CompletionShape("as-", body.Value.Model ?? "", Now(time), body.Value.IncludesUsage, [], tells: false, ApiFamilies.InferenceV2) { AnswersPerPrompt = choices });

    private static Task CompletionOpenAIAsync(HttpContext context, Body<OpenAICompletionBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var requests = body.Value.ToCompletions();
        IReadOnlyList<string> echoes = body.Value.Echo == true ? [.. requests.Select(request => request.Prompt!)] : [];
        return AnswerAsync(context, caller, inference, requests, body.Value, choices =>
            new CompletionShape("cmpl-", body.Value.Model ?? "", Now(time), body.Value.IncludesUsage, echoes, body.Value.LogProbabilities is not null, ApiFamilies.OpenAI) { AnswersPerPrompt = choices });
    }

    private static Task ChatV1Async(string endpoint, HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time) =>
        AnswerV1Async(context, caller, inference, body.Value, body.Value.ToChat(endpoint, strict: true), new V1Shape("chat.completion", Now(time), ApiFamilies.InferenceV1));

    private static Task CompletionV1Async(string endpoint, HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        var requests = body.Value.ToCompletions(endpoint);
        if (requests.Count > 1) throw PlatformException.Invalid("prompt", "param[prompt] invalid: it must be one text");
        return AnswerV1Async(context, caller, inference, body.Value, requests[0], new V1Shape("completion", Now(time), ApiFamilies.InferenceV1));
    }

    private static async Task AnswerV1Async(HttpContext context, PlatformCaller caller, InferenceService inference, ChatBody body, GenerationRequest request, V1Shape shape)
    {
        EchoRequestId(context);
        await AnswerAsync(context, caller, inference, [request], 1, shape, body.Stream == true);
    }

    private static Task AnswerAsync(
        HttpContext context, PlatformCaller caller, InferenceService inference, IReadOnlyList<GenerationRequest> requests, ChatBody body, Func<int, AnswerShape> shape)
    {
        var choices = body.Choices;
        if (requests.Count * choices > MostAnswers) throw PlatformException.Invalid("n", $"param[n] invalid: prompts times n is more than {MostAnswers}");
        return AnswerAsync(context, caller, inference, requests, choices, shape(choices), body.Stream == true);
    }

    private static async Task AnswerAsync(
        HttpContext context, PlatformCaller caller, InferenceService inference, IReadOnlyList<GenerationRequest> requests, int choices, AnswerShape shape, bool stream)
    {
        var callee = await inference.FindAsync(caller.OwnerId, requests[0].Model, requests[0].Kind, context.RequestAborted);
        var call = InferenceCall.Of(context);
        await call.ReserveAsync(callee, requests.Sum(request => request.MostPromptTokens + ((long)request.Sampling.MaxTokens * choices)));
        var answers = requests.SelectMany(request => Enumerable.Range(0, choices).Select(index => inference.GenerateAsync(callee, request.Again(index), context.RequestAborted)));
        await Generation.AnswerAsync(context, [.. answers], shape, stream, call);
    }

    private static async Task<Embedded> EmbedAsync(HttpContext context, PlatformCaller caller, InferenceService inference, string? model, ServiceKind? kind, IReadOnlyList<string> texts)
    {
        var callee = await inference.FindAsync(caller.OwnerId, model, kind, context.RequestAborted);
        var call = InferenceCall.Of(context);
        await call.ReserveAsync(callee, texts.Sum(GenerationRequest.MostTokens));
        var answer = await inference.EmbedAsync(callee, texts, context.RequestAborted);
        call.Use(answer.PromptTokens, 0, 0);
        return answer;
    }

    private static Task<IResult> EmbeddingsV2Async(HttpContext context, Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time) =>
        EmbedAsync(context, caller, inference, time, body.Value.Model, body.Value);

    private static async Task<IResult> EmbeddingsOpenAIAsync(HttpContext context, Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference)
    {
        var answer = await EmbedAsync(context, caller, inference, body.Value.Model, ServiceKind.Embeddings, body.Value.Texts(MostInputs));
        return Answers.Plain(new { @object = "list", data = body.Value.Data(answer), model = body.Value.Model, usage = new { prompt_tokens = answer.PromptTokens, total_tokens = answer.PromptTokens } });
    }

    private static Task<IResult> EmbeddingsV1Async(string endpoint, HttpContext context, Body<EmbeddingsBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        EchoRequestId(context);
        return EmbedAsync(context, caller, inference, time, endpoint, body.Value);
    }

    /// <summary>Counts a text's tokens, by the model's own tokenizer whichever one is named in the address.</summary>
    private static async Task<IResult> TokenizerV1Async(string tokenizer, HttpContext context, Body<ChatBody> body, PlatformCaller caller, InferenceService inference, TimeProvider time)
    {
        EchoRequestId(context);
        var requests = body.Value.ToCompletions(null);
        if (requests.Count > 1) throw PlatformException.Invalid("prompt", "param[prompt] invalid: it must be one text");
        var answer = await EmbedAsync(context, caller, inference, body.Value.Model, null, [requests[0].Prompt!]);
        return Answers.Plain(new
        {
            id = PublicId.Answer("as-"),
            @object = "tokenizer." + tokenizer,
            created = Now(time),
            usage = new { prompt_tokens = answer.PromptTokens, total_tokens = answer.PromptTokens },
        });
    }

    private static async Task<IResult> EmbedAsync(HttpContext context, PlatformCaller caller, InferenceService inference, TimeProvider time, string? model, EmbeddingsBody body)
    {
        var answer = await EmbedAsync(context, caller, inference, model, ServiceKind.Embeddings, body.Texts(MostInputs));
        return Answers.Plain(new
        {
            id = PublicId.Answer("as-"),
            @object = "embedding_list",
            created = Now(time),
            model,
            data = body.Data(answer),
            usage = new { prompt_tokens = answer.PromptTokens, total_tokens = answer.PromptTokens },
        });
    }

    private static async Task<IResult> ModelsAsync(PlatformCaller caller, ModelRouter router, CancellationToken cancellationToken)
    {
        var models = await router.ListAsync(caller.OwnerId, cancellationToken);
        return Answers.Plain(new { @object = "list", data = models.Select(Describe) });
    }

    private static async Task<IResult> ModelAsync(string model, PlatformCaller caller, ModelRouter router, CancellationToken cancellationToken)
    {
        var models = await router.ListAsync(caller.OwnerId, cancellationToken);
        return Answers.Plain(Describe(models.FirstOrDefault(entry => entry.Id == model) ?? throw ModelRouter.Unknown(model)));
    }

    private static async Task<IResult> DeleteModelAsync(string model, PlatformCaller caller, FineTunedModels models, CancellationToken cancellationToken)
    {
        await models.DeleteAsync(caller.OwnerId, model, cancellationToken);
        return Answers.Plain(new { id = model, @object = "model", deleted = true });
    }

    private static object Describe(CallableModel model) => new { id = model.Id, @object = "model", created = model.Created.ToUnixTimeSeconds(), owned_by = model.Owner };

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

    [JsonPropertyName("dimensions")]
    public int? Dimensions { get; init; }

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

    /// <summary>The vectors as the caller wants them.</summary>
    public IEnumerable<object> Data(Embedded answer)
    {
        if (Dimensions is { } dimensions && dimensions != answer.Vectors[0].Count)
            throw PlatformException.Invalid("dimensions", $"param[dimensions] invalid: this model's vectors have {answer.Vectors[0].Count} numbers");
        return answer.Vectors.Select((vector, index) => new { @object = "embedding", index, embedding = Format(vector) });
    }

    private object Format(IReadOnlyList<float> vector) => EncodingFormat switch
    {
        null or "float" => vector,
        "base64" => Convert.ToBase64String(MemoryMarshal.AsBytes<float>([.. vector])),
        _ => throw PlatformException.Invalid("encoding_format", "param[encoding_format] invalid: it must be float or base64"),
    };
}
