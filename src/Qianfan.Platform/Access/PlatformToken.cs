using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Platform.Access;

/// <summary>Tokens that expire, signed with the key's secret and revealing nothing of it. Nothing is stored.</summary>
/// <remarks>
/// Two forms: a bearer token <c>bce-v3/{access key}/t.{expiry}.{signature}</c>, and V1's access token <c>24.{access key}.{expiry}.{signature}</c>.
/// The signatures differ, so that one is never good for the other.
/// </remarks>
internal static class PlatformToken
{
    private const string Mark = "t.";
    private const string AccessMark = "24";
    private const string BearerUse = "qianfan-platform-token";
    private const string AccessUse = "qianfan-platform-access-token";

    /// <summary>A bearer token for the key.</summary>
    public static string Create(PlatformKey key, DateTimeOffset expires)
    {
        var seconds = Seconds(expires);
        return $"bce-v3/{key.AccessKey}/{Mark}{seconds}.{Sign(key, seconds, BearerUse)}";
    }

    /// <summary>Whether the last part of a bearer value is such a token, and if so, whether it is good.</summary>
    /// <returns>Null: it is no token (but perhaps the secret itself).</returns>
    public static bool? Check(PlatformKey key, string proof, DateTimeOffset now)
    {
        if (!proof.StartsWith(Mark, StringComparison.Ordinal)) return null;
        var parts = proof.Split('.');
        if (parts.Length != 3 || !TryParse(parts[1], out var expires)) return null;
        return IsSigned(key, parts[1], parts[2], BearerUse) && now.ToUnixTimeSeconds() < expires;
    }

    /// <summary>An access token for the key, as V1's inference takes it.</summary>
    public static string CreateAccessToken(PlatformKey key, DateTimeOffset expires)
    {
        var seconds = Seconds(expires);
        return $"{AccessMark}.{key.AccessKey}.{seconds}.{Sign(key, seconds, AccessUse)}";
    }

    /// <summary>The access key that an access token is for, or null when it is none.</summary>
    public static string? AccessKeyOf(string token) => Parts(token)?.AccessKey;

    /// <summary>Whether an access token is this key's.</summary>
    /// <returns>False when it is forged; null when its time has passed.</returns>
    public static bool? CheckAccessToken(PlatformKey key, string token, DateTimeOffset now) =>
        Parts(token) is not { } parts || !IsSigned(key, parts.Seconds, parts.Signature, AccessUse) ? false
        : TryParse(parts.Seconds, out var expires) && now.ToUnixTimeSeconds() < expires ? true : null;

    // A key may hold dots: expiry and signature are the last two parts.
    private static (string AccessKey, string Seconds, string Signature)? Parts(string token) =>
        token.Split('.') is [AccessMark, .. var key, var seconds, var signature] && key.Length > 0 ? (string.Join('.', key), seconds, signature) : null;

    private static string Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static bool TryParse(string seconds, out long expires) => long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out expires);

    private static bool IsSigned(PlatformKey key, string seconds, string signature, string use) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(key, seconds, use)), Encoding.UTF8.GetBytes(signature));

    private static string Sign(PlatformKey key, string seconds, string use) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key.SecretKey), Encoding.UTF8.GetBytes($"{use}\n{key.AccessKey}\n{seconds}")));
}
