namespace Qianfan.Sdk;

/// <summary>Generation of Qianfan's interfaces.</summary>
public enum ApiVersion
{
    /// <summary>
    /// The seed's generation: paths under <c>/wenxinworkshop</c> and <c>/rpc/2.0</c>, integer ids, OAuth tokens. Baidu switched V1 inference off in August 2026; V1 is for self-hosted platforms.
    /// What V1 calls a task holds jobs; V2 calls the first a job and the second a task.
    /// </summary>
    V1 = 1,

    /// <summary>The present generation: <c>/v2/...?Action=</c>, text ids, bearer tokens.</summary>
    V2 = 2,
}
