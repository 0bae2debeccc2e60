using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Qianfan.Portal.Tests.Console;

/// <summary>What the portal's own scripts do: requests with the login cookie and the antiforgery token in a header.</summary>
public static partial class PageScript
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The token of somebody who is signed in.</summary>
    public static async Task<string> TokenAsync(HttpClient browser)
    {
        using var page = await browser.GetAsync("/account/logout", Cancel);
        var token = Token().Match(await page.Content.ReadAsStringAsync(Cancel)).Groups[1].Value;
        token.ShouldNotBeEmpty();
        return token;
    }

    /// <summary>Uploads a file.</summary>
    public static async Task<HttpResponseMessage> UploadAsync(HttpClient browser, Guid projectId, byte[] file, string fileName = "rows.jsonl", string? name = null, string? token = null, string? kind = null)
    {
        var form = new MultipartFormDataContent();
        if (name is not null)
            form.Add(new StringContent(name), "name");
        if (kind is not null)
            form.Add(new StringContent(kind), "kind");
        form.Add(new ByteArrayContent(file), "file", fileName);
        return await SendAsync(browser, Urls.DatasetUpload(projectId), form, token ?? await TokenAsync(browser));
    }

    /// <summary>Posts JSON and returns when the headers of the answer are there.</summary>
    public static async Task<HttpResponseMessage> PostAsync(HttpClient browser, string url, object body, CancellationToken cancellationToken) =>
        await SendAsync(browser, url, JsonContent.Create(body), await TokenAsync(browser), cancellationToken);

    /// <summary>The code of an error answer.</summary>
    public static async Task<string?> CodeOf(HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        return json.RootElement.GetProperty("code").GetString();
    }

    /// <summary>Posts to the portal.</summary>
    public static async Task<HttpResponseMessage> SendAsync(HttpClient browser, string url, HttpContent content, string? token, CancellationToken? cancellationToken = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.Accept.Clear();
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (!string.IsNullOrEmpty(token))
            request.Headers.Add("RequestVerificationToken", token);
        return await browser.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken ?? Cancel);
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}
