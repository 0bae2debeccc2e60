namespace Qianfan.Sdk.Training;

/// <summary>Versions of the official Python SDK whose tables of base models <see cref="ModelInfo"/> holds. Later ones have none: they ask the platform.</summary>
public enum SdkVersion
{
    /// <summary>0.2.0, the seed: defaults, no limits.</summary>
    Seed,

    /// <summary>0.2.3: the first limits.</summary>
    V023,

    /// <summary>0.2.9.</summary>
    V029,

    /// <summary>0.4.0: the last and fullest table, and the only one with post-pretraining. The default.</summary>
    V040,
}
