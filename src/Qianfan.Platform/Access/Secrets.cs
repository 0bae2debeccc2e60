using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Platform.Access;

/// <summary>Compares secrets.</summary>
internal static class Secrets
{
    /// <summary>Whether two are the same, in a time that tells nothing of them. Hashes have one length, so not even of the length.</summary>
    public static bool Equal(string given, string secret) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
