namespace Qianfan.Sdk.Protocol;

/// <summary>State of a dataset's import. Values that are not listed are kept as numbers.</summary>
public enum DatasetImportStatus
{
    /// <summary>Nothing was imported yet.</summary>
    NotStarted = -1,

    /// <summary>Accepted.</summary>
    Initialized = 0,

    /// <summary>Under way.</summary>
    Running = 1,

    /// <summary>Done.</summary>
    Finished = 2,

    /// <summary>Ended with an error.</summary>
    Failed = 3,

    /// <summary>Broken off.</summary>
    Terminated = 4,
}

/// <summary>State of a dataset's export. Values that are not listed are kept as numbers.</summary>
public enum DatasetExportStatus
{
    /// <summary>Nothing was exported yet.</summary>
    NotStarted = -1,

    /// <summary>Accepted.</summary>
    Initialized = 0,

    /// <summary>Under way.</summary>
    Running = 1,

    /// <summary>Done.</summary>
    Finished = 2,

    /// <summary>Ended with an error.</summary>
    Failed = 3,
}

/// <summary>State of a dataset's release. Values that are not listed are kept as numbers.</summary>
public enum DatasetReleaseStatus
{
    /// <summary>Not released.</summary>
    NotStarted = 0,

    /// <summary>Under way.</summary>
    Running = 1,

    /// <summary>Released: it can be trained on.</summary>
    Finished = 2,

    /// <summary>Ended with an error.</summary>
    Failed = 3,
}
