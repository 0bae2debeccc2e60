using System.Security.Cryptography;

namespace Qianfan.Portal.Security;

/// <summary>Makes key pairs in the shape that Qianfan's clients know.</summary>
public static class KeyPairs
{
    /// <summary>A new pair: <c>ALTAK</c> and 20 letters or digits; 32 hex digits (128 bits).</summary>
    public static (string AccessKey, string SecretKey) New() =>
        ("ALTAK" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 20), RandomNumberGenerator.GetHexString(32, lowercase: true));
}
