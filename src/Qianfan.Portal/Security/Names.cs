namespace Qianfan.Portal.Security;

/// <summary>Names that people give to things.</summary>
public static class Names
{
    /// <summary>Longest name of a team, project, connection or key.</summary>
    public const int MaxLength = 80;

    /// <summary>The name without spaces around it.</summary>
    /// <exception cref="UserErrorException"><c>NameRequired</c>, or <c>NameTooLong</c> with the limit.</exception>
    public static string Require(string? name, int maxLength = MaxLength)
    {
        var trimmed = name?.Trim() ?? "";
        if (trimmed.Length == 0)
            throw new UserErrorException("NameRequired");
        return trimmed.Length <= maxLength ? trimmed : throw new UserErrorException("NameTooLong", maxLength);
    }
}
