using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>What all inference calls to one route have in common. Thread-safe.</summary>
internal sealed class InferenceRoute
{
    private readonly QianfanTransport _transport;
    private readonly string _baseUrl;
    private readonly string _path;
    private readonly Uri _address;
    private readonly CallAuthentication _authentication;
    private readonly KeyValuePair<string, string>[] _headers;

    private InferenceRoute(QianfanTransport transport, string baseUrl, string path, CallAuthentication authentication)
    {
        _transport = transport;
        _baseUrl = baseUrl;
        _path = path;
        _address = RequestBuilder.Address(baseUrl, path, []);
        _authentication = authentication;
        _headers = authentication == CallAuthentication.Bearer && transport.Options.AppId is { Length: > 0 } appId ? [KeyValuePair.Create("appid", appId)] : [];
    }

    /// <summary>A route of V2.</summary>
    public static InferenceRoute V2(QianfanTransport transport, string path) => new(transport, transport.Options.ConsoleBaseUrl, path, CallAuthentication.Bearer);

    /// <summary>A route of V1.</summary>
    public static InferenceRoute V1(QianfanTransport transport, string kind, string endpoint) =>
        new(transport, transport.Options.BaseUrl, $"{transport.Options.ModelApiPrefix.TrimEnd('/')}/{kind}/{endpoint}", CallAuthentication.AccessToken);

    /// <summary>A call with that body.</summary>
    /// <param name="request">The body.</param>
    /// <param name="type">Its type.</param>
    /// <param name="estimate">Estimates the tokens that the call will use; called only where tokens are counted.</param>
    public QianfanCall Post<T>(T request, JsonTypeInfo<T> type, Func<T, int> estimate) => new()
    {
        Method = HttpMethod.Post,
        BaseUrl = _baseUrl,
        Path = _path,
        Address = _address,
        Json = JsonSerializer.SerializeToUtf8Bytes(request, type),
        Headers = _headers,
        Authentication = _authentication,
        Retry = _transport.Options.InferenceRetry,
        Timeout = _transport.Options.InferenceTimeout,
        Cost = _transport.Limits is { } limits ? new CallCost(limits.CountsTokens ? estimate(request) : 0) : null,
    };
}
