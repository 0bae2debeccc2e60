using Microsoft.AspNetCore.DataProtection;

namespace Qianfan.Portal.Security;

/// <summary>Encrypts secrets at rest with the Data Protection keys of the portal's database. Thread-safe.</summary>
public sealed class SecretProtector(IDataProtectionProvider provider)
{
    private readonly IDataProtector _protector = provider.CreateProtector("Qianfan.Portal.Secrets.v1");

    /// <summary>What may be stored.</summary>
    public string Protect(string secret) => _protector.Protect(secret);

    /// <summary>The secret behind <paramref name="stored"/>.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It was protected with other keys, or changed.</exception>
    public string Unprotect(string stored) => _protector.Unprotect(stored);
}
