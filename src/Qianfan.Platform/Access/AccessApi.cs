using System.Globalization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Access;

/// <summary>The bearer token service of Qianfan's IAM.</summary>
internal static class AccessApi
{
    private const int LeastSeconds = 60;
    private const int MostSeconds = 2_592_000;

    private const string AccessTokenPath = "/oauth/2.0/token";

    public static void Map(RouteTable routes)
    {
        routes.Family(ApiFamilies.ConsoleV2).For(Needs.AnyKey, "GET", "/v1/BCE-BEARER/token", CreateTokenAsync);
        routes.Family(ApiFamilies.OAuth).Open("POST", AccessTokenPath, CreateAccessTokenAsync).Open("GET", AccessTokenPath, CreateAccessTokenAsync);
    }

    /// <summary>V1's access token for an application's key pair, which stands in the address. It lives 30 days: Python's client doesn't fetch another one within an hour.</summary>
    private static async Task CreateAccessTokenAsync(HttpContext context, IPlatformAccess access, TimeProvider time)
    {
        var query = context.Request.Query;
        if (query["grant_type"].ToString() is not "client_credentials")
            throw new PlatformException(PlatformError.NotSupported, "grant_type must be client_credentials");
        var id = query["client_id"].ToString();
        var key = id.Length == 0 ? null : await access.FindKeyAsync(id, context.RequestAborted);
        if (key is null) throw new PlatformException(PlatformError.UnknownKey, "unknown client id");
        if (!Secrets.Equal(query["client_secret"].ToString(), key.SecretKey)) throw new PlatformException(PlatformError.SignatureMismatch, "Client authentication failed");
        await PlatformJson.WriteAsync(context, 200, new
        {
            access_token = PlatformToken.CreateAccessToken(key, time.GetUtcNow().AddSeconds(MostSeconds)),
            expires_in = MostSeconds,
            refresh_token = "",
            session_key = "",
            session_secret = "",
            scope = "public ai_custom",
        });
    }

    private static async Task CreateTokenAsync(HttpContext context, PlatformCaller caller, TimeProvider time)
    {
        var text = context.Request.Query["expireInSeconds"].ToString();
        var seconds = 43_200;
        if (text.Length > 0 && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) || seconds is < LeastSeconds or > MostSeconds))
            throw PlatformException.Invalid("expireInSeconds", $"param[expireInSeconds] must be a number between {LeastSeconds} and {MostSeconds}");
        var now = time.GetUtcNow();
        var expires = now.AddSeconds(seconds);
        await PlatformJson.WriteAsync(context, 200, new
        {
            userId = caller.OwnerId,
            token = PlatformToken.Create(caller.Key, expires),
            status = "enable",
            createTime = Time(now),
            expireTime = Time(expires),
        });
    }

    // Python before 3.11 parses three or six fraction digits, and no other number of them.
    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
