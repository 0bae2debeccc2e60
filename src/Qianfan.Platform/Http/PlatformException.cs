namespace Qianfan.Platform.Http;

/// <summary>What went wrong, independent of an API's own code for it.</summary>
internal enum PlatformError
{
    MalformedJson,
    InvalidArgument,
    InvalidMessages,
    ContextLength,
    NotAuthenticated,
    UnknownKey,
    SignatureMismatch,
    InvalidToken,
    ExpiredToken,
    Forbidden,
    NotFound,
    UnknownModel,
    UnknownRoute,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    RequestLimit,
    TokenLimit,
    QuotaExceeded,
    StorageExceeded,
    Overloaded,
    NotSupported,
    Unavailable,
    Internal,
}

/// <summary>An answer other than success. The message is for the caller and holds nothing secret.</summary>
internal sealed class PlatformException(PlatformError error, string message, string? parameter = null) : Exception(message)
{
    /// <summary>What went wrong.</summary>
    public PlatformError Error => error;

    /// <summary>The field at fault, as the caller spells it.</summary>
    public string? Parameter => parameter;

    /// <summary>The code that console V1 documents for it, where it has one of its own.</summary>
    public int? ConsoleCode { get; private init; }

    /// <summary>The same with a code of console V1.</summary>
    public PlatformException As(int consoleCode) => new(Error, Message, Parameter) { ConsoleCode = consoleCode };

    /// <summary>The HTTP status that the API families which use statuses give it.</summary>
    public int Status => error switch
    {
        PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch or PlatformError.InvalidToken or PlatformError.ExpiredToken => 401,
        PlatformError.Forbidden => 403,
        PlatformError.NotFound or PlatformError.UnknownRoute or PlatformError.UnknownModel => 404,
        PlatformError.MethodNotAllowed => 405,
        PlatformError.Conflict => 409,
        PlatformError.TooLarge or PlatformError.StorageExceeded => 413,
        PlatformError.RequestLimit or PlatformError.TokenLimit or PlatformError.QuotaExceeded or PlatformError.Overloaded => 429,
        PlatformError.Unavailable => 503,
        PlatformError.Internal => 500,
        _ => 400,
    };

    public static PlatformException Invalid(string parameter, string message) => new(PlatformError.InvalidArgument, message, parameter);

    public static PlatformException Missing(string parameter) => Invalid(parameter, $"param[{parameter}] is missing");

    public static PlatformException NotFound(string what, string id) => new(PlatformError.NotFound, $"{what} {Shown(id)} does not exist");

    public static PlatformException Conflict(string message) => new(PlatformError.Conflict, message);

    /// <summary>A caller's text as it may stand in a message: short, and on one line.</summary>
    public static string Shown(string text)
    {
        var line = new string([.. text.Take(80).Select(c => char.IsControl(c) ? ' ' : c)]);
        return text.Length > 80 ? line + "..." : line;
    }
}

/// <summary>Gives errors the codes that console V1 documents.</summary>
internal static class ConsoleCodes
{
    public const int DatasetConfig = 510102;
    public const int TaskNotExist = 510202;
    public const int JobNotExist = 510301;
    public const int JobStatusInvalid = 510302;
    public const int TrainConfig = 510401;
    public const int JobLimit = 510402;
    public const int NotIncremental = 510404;

    /// <summary>Waits for a result; errors of these kinds get the code.</summary>
    public static async Task<T> OrAsync<T>(this Task<T> task, int code, params PlatformError[] errors)
    {
        try
        {
            return await task;
        }
        catch (PlatformException exception) when (errors.Contains(exception.Error))
        {
            throw exception.As(code);
        }
    }
}
