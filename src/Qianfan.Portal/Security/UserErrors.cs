namespace Qianfan.Portal.Security;

/// <summary>Something that the user can understand and mend. Pages show it in the user's language: resource <c>Error_{Code}</c> of <c>SharedText</c>, with <see cref="Arguments"/>; endpoints answer 400.</summary>
public class UserErrorException(string code, params object[] arguments) : Exception(code)
{
    /// <summary>Stable code, also the resource key.</summary>
    public string Code { get; } = code;

    /// <summary>What the sentence names: rows, fields, limits.</summary>
    public IReadOnlyList<object> Arguments { get; } = arguments;
}

/// <summary>There is no such thing, or it is another team's: nobody can tell which. Endpoints answer 404.</summary>
public sealed class NotFoundException(string what) : UserErrorException("NotFound", what);

/// <summary>The actor's role is too low. Endpoints answer 403.</summary>
public sealed class ForbiddenException(Permission permission) : UserErrorException("Forbidden", permission.ToString());
