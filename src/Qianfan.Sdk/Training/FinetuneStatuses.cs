namespace Qianfan.Sdk.Training;

/// <summary>The texts of <see cref="FinetuneStatus"/>.</summary>
public static class FinetuneStatuses
{
    private const string LaterCreated = "TrainCreated";

    /// <summary>The text in the SDKs after the seed, where <see cref="FinetuneStatus.Created"/> is <c>TrainCreated</c>; the seed's is the name itself.</summary>
    public static string LaterName(this FinetuneStatus status) => status == FinetuneStatus.Created ? LaterCreated : status.ToString();

    /// <summary>The status of a text, by the seed's names or the later ones; <see cref="FinetuneStatus.Unknown"/> for any other.</summary>
    public static FinetuneStatus Parse(string? text) =>
        text == LaterCreated ? FinetuneStatus.Created
        : Enum.TryParse<FinetuneStatus>(text, out var status) && Enum.IsDefined(status) && !char.IsAsciiDigit(text![0]) ? status
        : FinetuneStatus.Unknown;
}
