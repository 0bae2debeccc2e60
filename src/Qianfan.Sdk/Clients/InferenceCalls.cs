using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>What all V2 inference calls have in common.</summary>
internal static class InferenceCalls
{
    public static QianfanCall Post(QianfanTransport transport, string path, Func<HttpContent> content) => new()
    {
        Method = HttpMethod.Post,
        BaseUrl = transport.Options.ConsoleBaseUrl,
        Path = path,
        Content = content,
        Headers = transport.Options.AppId is { Length: > 0 } appId ? [KeyValuePair.Create("appid", appId)] : [],
        Authentication = CallAuthentication.Bearer,
        Retry = transport.Options.InferenceRetry,
        Timeout = transport.Options.InferenceTimeout,
    };
}
