using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V1 <c>modelrepo/model/preset/list</c>: the platform's own models.</summary>
public sealed record PresetModelListRequest
{
    /// <summary>Page, from 1.</summary>
    public int PageNo { get; set; } = 1;

    /// <summary>Models a page.</summary>
    public int PageSize { get; set; } = 20;

    /// <summary>Part of the name.</summary>
    public string? NameFilter { get; set; }

    /// <summary>0 text, 1 picture, 4 vector, 5 picture to text, 6 industry.</summary>
    public IReadOnlyList<int>? ModelType { get; set; }

    /// <summary>Makers.</summary>
    public IReadOnlyList<string>? ModelVersionVendor { get; set; }

    /// <summary>Lengths of the context.</summary>
    public IReadOnlyList<string>? CtxLength { get; set; }

    /// <summary>Languages.</summary>
    public IReadOnlyList<string>? LanguageSupport { get; set; }

    /// <summary>Abilities.</summary>
    public IReadOnlyList<string>? Expansion { get; set; }

    /// <summary>What to order by.</summary>
    public string? OrderBy { get; set; }
}

/// <summary>Body of V1 <c>modelrepo/model/user/list</c>: one's own models.</summary>
public sealed record UserModelListRequest
{
    /// <summary>Page, from 1.</summary>
    public int PageNo { get; set; } = 1;

    /// <summary>Models a page.</summary>
    public int PageSize { get; set; } = 20;

    /// <summary>Part of the name.</summary>
    public string? NameFilter { get; set; }

    /// <summary>0 text, 1 picture, 4 vector, 5 picture to text, 6 industry.</summary>
    public IReadOnlyList<int>? ModelType { get; set; }

    /// <summary><c>create_time</c></summary>
    public string? OrderBy { get; set; }

    /// <summary><c>asc</c> or <c>desc</c>.</summary>
    public string? Order { get; set; }
}

/// <summary>Result of the two V1 lists of models; its shape is in no source, this is the one of our platform.</summary>
public sealed record ModelDetailList
{
    /// <summary>Models that match.</summary>
    public int Total { get; set; }

    /// <summary>This page.</summary>
    public IReadOnlyList<ModelDetail> ModelList { get; set; } = [];
}

/// <summary>Body of V1 <c>modelrepo/model/batchDelete</c>.</summary>
public sealed record DeleteModelsRequest
{
    /// <summary>The model sets.</summary>
    [JsonPropertyName("modelIDs")]
    public required IReadOnlyList<string> ModelIds { get; init; }
}

/// <summary>Body of V1 <c>modelrepo/model/version/batchDelete</c>.</summary>
public sealed record DeleteModelVersionsRequest
{
    /// <summary>The versions.</summary>
    public required IReadOnlyList<string> ModelVersionIds { get; init; }
}

/// <summary>Result of V2 <c>DescribeSystemModelSets</c> and <c>DescribeCustomModelSets</c>; its shape is in no source, this is the one of our platform.</summary>
public sealed record ModelSetList
{
    /// <summary>This page.</summary>
    [JsonPropertyName("modelSetList")]
    public IReadOnlyList<ModelSetDescription> ModelSets { get; set; } = [];

    /// <summary>Where the next page starts.</summary>
    public PageInfo? PageInfo { get; set; }
}
