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
    Forbidden,
    NotFound,
    UnknownModel,
    UnknownRoute,
    MethodNotAllowed,
    Conflict,
    TooLarge,
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

    /// <summary>The HTTP status that the API families which use statuses give it.</summary>
    public int Status => error switch
    {
        PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch => 401,
        PlatformError.Forbidden => 403,
        PlatformError.NotFound or PlatformError.UnknownRoute or PlatformError.UnknownModel => 404,
        PlatformError.MethodNotAllowed => 405,
        PlatformError.Conflict => 409,
        PlatformError.TooLarge => 413,
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
