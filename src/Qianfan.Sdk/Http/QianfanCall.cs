namespace Qianfan.Sdk.Http;

/// <summary>How a call proves who makes it.</summary>
internal enum CallAuthentication
{
    /// <summary>IAM signature.</summary>
    Signature,

    /// <summary>Bearer token: a static one, or one fetched with the key pair.</summary>
    Bearer,
}

/// <summary>One call, in a form that each attempt can be built from anew.</summary>
internal sealed record QianfanCall
{
    public required HttpMethod Method { get; init; }

    public required string BaseUrl { get; init; }

    /// <summary>Begins with a slash; already encoded.</summary>
    public required string Path { get; init; }

    /// <summary>Decoded names and values.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Query { get; init; } = [];

    /// <summary>Makes the body of an attempt; null is no body.</summary>
    public Func<HttpContent>? Content { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public required CallAuthentication Authentication { get; init; }

    public required RetryOptions Retry { get; init; }

    /// <summary>For one attempt, until the answer is complete; of a stream, until its headers are there.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>True when a repetition does no harm even if the first attempt took effect.</summary>
    public bool Idempotent { get; init; } = true;
}
