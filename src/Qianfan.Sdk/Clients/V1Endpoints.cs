using System.Collections.Frozen;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Finds the endpoint of a model for V1 inference: the official client's table of built-in models first, then the platform's list of services, which is kept for a while. Thread-safe.</summary>
/// <param name="kind"><c>chat</c>, <c>completions</c> or <c>embeddings</c>.</param>
/// <param name="transport">Sends.</param>
/// <param name="services">Lists the services.</param>
internal sealed class V1Endpoints(string kind, QianfanTransport transport, V1ServicesClient services)
{
    /// <summary>Chat models of the official client, by name in any case.</summary>
    public static readonly FrozenDictionary<string, string> Chat = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["ERNIE-4.0-8K-Latest"] = "ernie-4.0-8k-latest",
        ["ERNIE-4.0-8K-0613"] = "ernie-4.0-8k-0613",
        ["ERNIE-4.0-Turbo-8K"] = "ernie-4.0-turbo-8k",
        ["ERNIE-4.0-Turbo-8K-Latest"] = "ernie-4.0-turbo-8k-latest",
        ["ERNIE-4.0-Turbo-8K-Preview"] = "ernie-4.0-turbo-8k-preview",
        ["ERNIE-Lite-AppBuilder-8K-0614"] = "ai_apaas_lite",
        ["ERNIE-3.5-8K-0701"] = "ernie-3.5-8k-0701",
        ["ERNIE-3.5-8K-0613"] = "ernie-3.5-8k-0613",
        ["ERNIE-Lite-Pro-8K"] = "ernie-lite-pro-8k",
        ["ERNIE-Lite-8K-0922"] = "eb-instant",
        ["ERNIE-Bot-turbo"] = "eb-instant",
        ["ERNIE-Lite-8K-0308"] = "ernie-lite-8k",
        ["ERNIE-Lite-8K"] = "ernie-lite-8k",
        ["ERNIE-Lite-V"] = "ernie-lite-v",
        ["ERNIE-3.5-8K"] = "completions",
        ["ERNIE 3.5"] = "completions",
        ["ERNIE-Bot"] = "completions",
        ["ERNIE-4.0-8K"] = "completions_pro",
        ["ERNIE-Bot-4"] = "completions_pro",
        ["ERNIE-4.0-8K-0329"] = "ernie-4.0-8k-0329",
        ["ERNIE-4.0-8K-0104"] = "ernie-4.0-8k-0104",
        ["ERNIE-4.0-8K-Preview-0518"] = "completions_adv_pro",
        ["ERNIE-4.0-8K-preview"] = "ernie-4.0-8k-preview",
        ["ERNIE-4.0-preview"] = "ernie-4.0-8k-preview",
        ["ERNIE-3.5-128K"] = "ernie-3.5-128k",
        ["ERNIE-3.5-8K-preview"] = "ernie-3.5-8k-preview",
        ["ERNIE-3.5-preview"] = "ernie-3.5-8k-preview",
        ["ERNIE-3.5-8K-0205"] = "ernie-3.5-8k-0205",
        ["ERNIE-3.5-8K-0329"] = "ernie-3.5-8k-0329",
        ["ERNIE-Speed-Pro-8K"] = "ernie-speed-pro-8k",
        ["ERNIE-Speed-8K"] = "ernie_speed",
        ["ERNIE-Speed"] = "ernie_speed",
        ["ERNIE Speed"] = "ernie_speed",
        ["ERNIE-Speed-Pro-128K"] = "ernie-speed-pro-128k",
        ["ERNIE-Speed-128K"] = "ernie-speed-128k",
        ["ERNIE Speed-AppBuilder"] = "ai_apaas",
        ["EB-turbo-AppBuilder"] = "ai_apaas",
        ["ERNIE-Bot-turbo-AI"] = "ai_apaas",
        ["ERNIE-Tiny-8K"] = "ernie-tiny-8k",
        ["ERNIE-Novel-8K"] = "ernie-novel-8k",
        ["ERNIE-Function-8K"] = "ernie-func-8k",
        ["ERNIE-Functions-8K"] = "ernie-func-8k",
        ["Qianfan-Dynamic-8K"] = "qianfan-dynamic-8k",
        ["ERNIE-Character-8K"] = "ernie-char-8k",
        ["ERNIE-Character-Fiction-8K"] = "ernie-char-fiction-8k",
        ["BLOOMZ-7B"] = "bloomz_7b1",
        ["Llama-2-7B-Chat"] = "llama_2_7b",
        ["Llama-2-13B-Chat"] = "llama_2_13b",
        ["Llama-2-70B-Chat"] = "llama_2_70b",
        ["Meta-Llama-3-8B"] = "llama_3_8b",
        ["Meta-Llama-3-70B"] = "llama_3_70b",
        ["Qianfan-BLOOMZ-7B-compressed"] = "qianfan_bloomz_7b_compressed",
        ["Qianfan-Chinese-Llama-2-7B"] = "qianfan_chinese_llama_2_7b",
        ["ChatGLM2-6B-32K"] = "chatglm2_6b_32k",
        ["AquilaChat-7B"] = "aquilachat_7b",
        ["XuanYuan-70B-Chat-4bit"] = "xuanyuan_70b_chat",
        ["Qianfan-Chinese-Llama-2-13B"] = "qianfan_chinese_llama_2_13b",
        ["Qianfan-Chinese-Llama-2-70B"] = "qianfan_chinese_llama_2_70b",
        ["ChatLaw"] = "chatlaw",
        ["Yi-34B-Chat"] = "yi_34b_chat",
        ["Mixtral-8x7B-Instruct"] = "mixtral_8x7b_instruct",
        ["Gemma-7B-it"] = "gemma_7b_it",
        ["ERNIE-Bot-8k"] = "ernie_bot_8k",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Completion models.</summary>
    public static readonly FrozenDictionary<string, string> Completions = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["SQLCoder-7B"] = "sqlcoder_7b",
        ["CodeLlama-7b-Instruct"] = "codellama_7b_instruct",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Embedding models.</summary>
    public static readonly FrozenDictionary<string, string> Embeddings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["Embedding-V1"] = "embedding-v1",
        ["bge-large-en"] = "bge_large_en",
        ["bge-large-zh"] = "bge_large_zh",
        ["tao-8k"] = "tao_8k",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private volatile Listing? _listing;

    /// <summary>The endpoint of a model that isn't built in; null when the platform lists none of that name.</summary>
    public async ValueTask<string?> FindListedAsync(string model, CancellationToken cancellationToken)
    {
        // Listing takes the key pair of the console.
        if (transport.Options is not ({ AccessKey.Length: > 0, SecretKey.Length: > 0 } or { BearerToken.Length: > 0 }))
        {
            return null;
        }

        if (_listing is not { } listing || transport.Time.GetElapsedTime(listing.At) >= transport.Options.ServiceListLifetime)
        {
            var answer = await services.ListAsync([kind], cancellationToken).ConfigureAwait(false);
            var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var service in (IEnumerable<PresetService>)[.. answer.Common, .. answer.Custom])
            {
                // The address ends in /{kind}/{endpoint}.
                if (service.Url.Split('/') is [.., var of, { Length: > 0 } endpoint] && of == kind)
                {
                    found[service.Name] = endpoint;
                }
            }

            _listing = listing = new Listing(transport.Time.GetTimestamp(), found);
        }

        return listing.Endpoints.GetValueOrDefault(model);
    }

    private sealed record Listing(long At, Dictionary<string, string> Endpoints);
}
