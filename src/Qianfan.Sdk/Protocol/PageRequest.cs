namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V2 lists without a filter.</summary>
public sealed record PageRequest
{
    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}
