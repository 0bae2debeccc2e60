using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Qianfan.Platform.Tests.Support;

/// <summary>Object storage in memory behind real Kestrel, which lets nobody in whose signature (version 4) is wrong.</summary>
internal sealed class FakeS3 : IAsyncDisposable
{
    public const string AccessKey = "minio-user";
    public const string SecretKey = "minio-secret/0123456789";

    private readonly WebApplication _app;

    private FakeS3(WebApplication app) => _app = app;

    /// <summary>Objects by "bucket/key".</summary>
    public ConcurrentDictionary<string, byte[]> Objects { get; } = new(StringComparer.Ordinal);

    public ConcurrentQueue<string> Refused { get; } = new();

    public string Address => _app.Urls.Single();

    public static async Task<FakeS3> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new FakeS3(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        if (!IsSigned(context.Request))
        {
            Refused.Enqueue(context.Request.Path);
            await FailAsync(context, 403, "SignatureDoesNotMatch");
        }
        else if (!Objects.TryGetValue(context.Request.Path.Value!.TrimStart('/'), out var content))
        {
            await FailAsync(context, 404, "NoSuchKey");
        }
        else
        {
            context.Response.ContentLength = content.Length;
            context.Response.Headers.LastModified = "Thu, 01 Jan 2026 00:00:00 GMT";
            if (context.Request.Method == "GET") await context.Response.Body.WriteAsync(content);
        }
    }

    private static async Task FailAsync(HttpContext context, int status, string code)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/xml";
        if (context.Request.Method != "HEAD") await context.Response.WriteAsync($"<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    }

    private static bool IsSigned(HttpRequest request)
    {
        var parts = request.Headers.Authorization.ToString().Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
        if (parts is not ["AWS4-HMAC-SHA256", var credential, var signedHeaders, var signature]) return false;
        var scope = credential["Credential=".Length..].Split('/');
        if (scope is not [AccessKey, var day, "local-1", "s3", "aws4_request"]) return false;
        var names = signedHeaders["SignedHeaders=".Length..];
        var canonical = string.Join('\n',
        [
            request.Method,
            string.Join('/', request.Path.Value!.Split('/').Select(Uri.EscapeDataString)),
            string.Join('&', request.Query.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value.ToString())}")),
            .. names.Split(';').Select(name => $"{name}:{request.Headers[name].ToString().Trim()}"),
            "",
            names,
            request.Headers["x-amz-content-sha256"].ToString(),
        ]);
        var text = $"AWS4-HMAC-SHA256\n{request.Headers["x-amz-date"]}\n{day}/local-1/s3/aws4_request\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = new[] { day, "local-1", "s3", "aws4_request" }.Aggregate(Encoding.UTF8.GetBytes("AWS4" + SecretKey), (secret, part) => HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(part)));
        return signature == "Signature=" + Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
    }
}
