using Microsoft.AspNetCore.Http;

namespace Qianfan.Platform.Http;

/// <summary>The success envelopes.</summary>
internal static class Answers
{
    /// <summary>Console V1: <c>{"log_id", "result"}</c>.</summary>
    public static IResult V1(object? result) => new JsonAnswer(new { log_id = ApiFamilies.RequestId(), result });

    /// <summary>Console V1, dataset area: official clients fail without <c>status</c> and <c>success</c>.</summary>
    public static IResult Dataset(object? result) => new JsonAnswer(new { log_id = ApiFamilies.RequestId(), status = 200, success = true, result });

    /// <summary>Console V2: <c>{"requestId", "result"}</c>.</summary>
    public static IResult V2(object? result) => new JsonAnswer(new { requestId = ApiFamilies.RequestId(), result });

    /// <summary>An answer without an envelope and without members that are null.</summary>
    public static IResult Plain(object value) => new SparseAnswer(value);

    private sealed record JsonAnswer(object Value) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => PlatformJson.WriteAsync(httpContext, 200, Value);
    }

    private sealed record SparseAnswer(object Value) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => PlatformJson.WriteAsync(httpContext, 200, Value, PlatformJson.Sparse);
    }
}

/// <summary>Texts of times on the wire.</summary>
internal static class WireTime
{
    /// <summary>What stands for "not finished".</summary>
    public const string None = "0000-00-00T00:00:00Z";

    /// <summary>ISO-8601 in UTC, to the second.</summary>
    public static string Iso(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) ?? None;

    /// <summary>The older form, with a space.</summary>
    public static string Plain(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
}
