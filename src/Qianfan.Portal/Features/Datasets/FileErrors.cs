using Qianfan.Portal.Security;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What is wrong with a file as a whole, as an error that the page has a sentence for.</summary>
internal static class FileErrors
{
    public static UserErrorException Translate(DatasetFileException error) => error.Code switch
    {
        DatasetErrorCodes.EmptyFile => new("DatasetEmptyFile"),
        DatasetErrorCodes.NoRows => new("DatasetNoRows"),
        DatasetErrorCodes.NotUtf8 when error.Line is { } line => new("DatasetNotUtf8Line", line),
        DatasetErrorCodes.NotUtf8 => new("DatasetNotUtf8"),
        DatasetErrorCodes.Archive => new("DatasetArchive"),
        DatasetErrorCodes.Binary => new("DatasetBinary"),
        DatasetErrorCodes.RowTooLong => new("DatasetRowTooLong", error.Line ?? 1),
        DatasetErrorCodes.UnknownFormat => new("DatasetUnknownFormat"),
        DatasetErrorCodes.BrokenParquet => new("DatasetBrokenParquet", error.Message),
        _ => new("DatasetUnreadable", error.Message),
    };
}
