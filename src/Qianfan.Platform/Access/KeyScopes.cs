namespace Qianfan.Platform;

/// <summary>What a key may do. Each scope stands for itself: <see cref="Write"/> alone may create what it can't look at.</summary>
[Flags]
public enum KeyScopes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Call models, and list the names that can be called.</summary>
    Inference = 1,

    /// <summary>List, describe and download: files, datasets, tasks, models, services, usage.</summary>
    Read = 2,

    /// <summary>Create, change and delete.</summary>
    Write = 4,
}
