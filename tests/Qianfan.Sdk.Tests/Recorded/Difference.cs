using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>How our client means to differ from the recorded one. A test names each difference that it expects; what isn't named fails it, and so does one that doesn't occur.</summary>
/// <param name="Name">Short name.</param>
/// <param name="Reason">Why ours is so.</param>
internal sealed record Difference(string Name, string Reason)
{
    /// <summary>Recorded, but not sent by us.</summary>
    public Func<Exchange, bool>? Left { get; init; }

    /// <summary>Sent by us, but not recorded; answered like this. Null is no answer of this difference.</summary>
    public Func<string, JsonNode?, string?>? Added { get; init; }

    /// <summary>Changes the recorded body to what ours is meant to be, given what was sent; returns false when it has nothing to change.</summary>
    public Func<Exchange, JsonObject, JsonObject, bool>? Changed { get; init; }

    /// <summary>Recorded at another place in the order.</summary>
    public Func<Exchange, bool>? Moved { get; init; }

    /// <summary>A header that we don't send.</summary>
    public string? LeftHeader { get; init; }

    /// <summary>A body that we don't send.</summary>
    public Func<Exchange, bool>? LeftBody { get; init; }

    /// <summary>Changes the recorded answer; null leaves it.</summary>
    public Func<Exchange, string?>? Answered { get; init; }

    public override string ToString() => $"{Name}: {Reason}";
}
