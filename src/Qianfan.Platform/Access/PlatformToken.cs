using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Platform.Access;

/// <summary>Bearer tokens that expire: <c>bce-v3/{access key}/t.{expiry}.{signature}</c>, signed with the key's secret and revealing nothing of it. Nothing is stored.</summary>
internal static class PlatformToken
{
    private const string Mark = "t.";

    /// <summary>A token for the key.</summary>
    public static string Create(PlatformKey key, DateTimeOffset expires)
    {
        var seconds = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"bce-v3/{key.AccessKey}/{Mark}{seconds}.{Sign(key, seconds)}";
    }

    /// <summary>Whether the last part of a bearer value is such a token, and if so, whether it is good.</summary>
    /// <returns>Null: it is no token (but perhaps the secret itself).</returns>
    public static bool? Check(PlatformKey key, string proof, DateTimeOffset now)
    {
        if (!proof.StartsWith(Mark, StringComparison.Ordinal)) return null;
        var parts = proof.Split('.');
        if (parts.Length != 3 || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var expires)) return null;
        var signed = CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(key, parts[1])), Encoding.UTF8.GetBytes(parts[2]));
        return signed && now.ToUnixTimeSeconds() < expires;
    }

    private static string Sign(PlatformKey key, string seconds) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key.SecretKey), Encoding.UTF8.GetBytes($"qianfan-platform-token\n{key.AccessKey}\n{seconds}")));
}
