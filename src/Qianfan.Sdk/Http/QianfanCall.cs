namespace Qianfan.Sdk.Http;

/// <summary>How a call proves who makes it.</summary>
internal enum CallAuthentication
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>IAM signature.</summary>
    Signature,

    /// <summary>Bearer token: a static one, or one fetched with the key pair.</summary>
    Bearer,

    /// <summary>V1 inference: an OAuth token in the query, else an IAM signature.</summary>
    AccessToken,
}

/// <summary>One call, in a form that each attempt can be built from anew.</summary>
internal sealed record QianfanCall
{
    public required HttpMethod Method { get; init; }

    public required string BaseUrl { get; init; }

    /// <summary>Begins with a slash; already encoded.</summary>
    public required string Path { get; init; }

    /// <summary>The address made of the three, where it is known beforehand; made of them when null.</summary>
    public Uri? Address { get; init; }

    /// <summary>Decoded names and values.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Query { get; init; } = [];

    /// <summary>A JSON body.</summary>
    public byte[]? Json { get; init; }

    /// <summary>Makes the body of an attempt, where it isn't JSON.</summary>
    public Func<HttpContent>? Content { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public required CallAuthentication Authentication { get; init; }

    public required RetryOptions Retry { get; init; }

    /// <summary>For one attempt, until the answer is complete; of a stream, until its headers are there.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>True when a repetition does no harm even if the first attempt took effect.</summary>
    public bool Idempotent { get; init; } = true;

    /// <summary>What the call counts against the client's limits; null where there are none.</summary>
    public CallCost? Cost { get; init; }
}
