using System.Globalization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Access;

/// <summary>The bearer token service of Qianfan's IAM.</summary>
internal static class AccessApi
{
    private const int LeastSeconds = 60;
    private const int MostSeconds = 2_592_000;

    public static void Map(RouteTable routes) =>
        routes.Family(ApiFamilies.ConsoleV2).Read("GET", "/v1/BCE-BEARER/token", CreateTokenAsync);

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
