using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Http;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every route, tried by those who may not call it.</summary>
public sealed class AccessTests
{
    internal const string Refused = "The scopes of this key are";

    // What each API says of a key that may not: in error.type, error_code or code.
    private static readonly Dictionary<ApiFamily, string> s_refusals = new()
    {
        [ApiFamilies.ConsoleV1] = "500002",
        [ApiFamilies.DatasetV1] = "500002",
        [ApiFamilies.ConsoleV2] = "AccessDenied",
        [ApiFamilies.InferenceV1] = "6",
        [ApiFamilies.InferenceV2] = "access_denied",
        [ApiFamilies.OpenAI] = "permission_error",
    };

    [Theory]
    [InlineData(null, "No credentials")]
    [InlineData("bce-v3/ALTAKnobody/secret-0123456789abcdef", "NotFound, cause: Could not find credential.")]
    [InlineData("bce-v3/ALTAKtest/another-secret-0123456789", "wrong or has expired")]
    [InlineData("sk-something", "not of the form")]
    public async Task No_route_answers_without_a_good_key(string? bearer, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(bearer);
        var routes = Route.All(host);
        routes.Count.ShouldBeGreaterThan(50);
        foreach (var route in routes)
        {
            using var response = await client.SendAsync(route.Request(), TestContext.Current.CancellationToken);
            var body = await PlatformCalls.ReadAsync(response);
            body.ToJsonString().ShouldContain(message, customMessage: route.ToString());
            if (route.Family == ApiFamilies.InferenceV1) body["error_code"]!.GetValue<int>().ShouldBe(14);
            else response.StatusCode.ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden);
            if (bearer is not null && message.StartsWith("NotFound", StringComparison.Ordinal)) response.Headers.GetValues("X-Bce-Error-Message").Single().ShouldBe(message);
        }
    }

    [Theory]
    [InlineData("ALTAKreader/reader-secret-0123456789", KeyScopes.Inference | KeyScopes.Read)]
    [InlineData("ALTAKcaller/caller-secret-0123456789", KeyScopes.Inference)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Read)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Write)]
    [InlineData("ALTAKscoped/scoped-secret-0123456789", KeyScopes.Inference | KeyScopes.Write)]
    public async Task A_key_may_do_what_its_scopes_say_and_nothing_else(string pair, KeyScopes scopes)
    {
        await using var host = await PlatformHost.StartAsync(configure: options => options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKscoped", SecretKey = "scoped-secret-0123456789", OwnerId = "one", Scopes = scopes }));
        using var client = host.CreateClient("bce-v3/" + pair);
        foreach (var route in Route.All(host))
        {
            using var response = await client.SendAsync(route.Request(), TestContext.Current.CancellationToken);
            var body = await PlatformCalls.ReadAsync(response);
            var told = $"{route} {body.ToJsonString()}";
            if ((route.Needs & scopes) != KeyScopes.None)
            {
                response.StatusCode.ShouldNotBe(HttpStatusCode.Forbidden, told);
                told.ShouldNotContain(Refused);
                continue;
            }

            told.ShouldContain($"{Refused} {scopes}");
            // V1 inference answers all errors with status 200.
            response.StatusCode.ShouldBe(route.Family == ApiFamilies.InferenceV1 ? HttpStatusCode.OK : HttpStatusCode.Forbidden, told);
            (body["error"]?["type"] ?? body["error_code"] ?? body["code"])!.ToString().ShouldBe(s_refusals[route.Family], told);
        }
    }

    [Fact]
    public async Task A_key_for_inference_reaches_models_their_names_and_tokens_of_its_own()
    {
        await using var host = await PlatformHost.StartAsync();
        const string V1 = "POST /rpc/2.0/ai_custom/v1/wenxinworkshop/";
        Route.All(host).Where(route => route.Needs.HasFlag(KeyScopes.Inference)).Select(route => route.ToString()).ShouldBe(
        [
            "POST /v1/chat/completions", "POST /v1/completions", "POST /v1/embeddings", "GET /v1/models", "GET /v1/models/nobodys-id",
            "POST /v2/chat/completions", "POST /v2/completions", "POST /v2/embeddings", "GET /v2/models",
            V1 + "chat/nobodys-id", V1 + "completions/nobodys-id", V1 + "embeddings/nobodys-id", V1 + "tokenizer/nobodys-id", "POST /wenxinworkshop/service/list",
            "GET /v1/BCE-BEARER/token",
        ], ignoreOrder: true);
    }

    [Fact]
    public async Task What_changes_something_is_declared_so()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var route in Route.All(host).Where(route => !route.Needs.HasFlag(KeyScopes.Inference)))
        {
            // Words of reading: those of V2's actions, and those that V1's addresses end with.
            var name = route.Path.Split('/', '=')[^1];
            var reads = route.Method == "GET" || name.StartsWith("Describe", StringComparison.Ordinal) || new[] { "info", "list", "detail", "record" }.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase));
            route.Needs.ShouldBe(reads ? KeyScopes.Read : KeyScopes.Write, route.ToString());
        }
    }

    [Theory]
    [InlineData("/v1/BCE-BEARER/token")]
    [InlineData("/oauth/2.0/token?grant_type=client_credentials&client_id=ALTAKcaller&client_secret=caller-secret-0123456789")]
    public async Task A_token_may_do_what_its_key_may(string path)
    {
        await using var host = await PlatformHost.StartAsync();
        using var caller = host.Caller();
        var answer = await caller.GetJsonAsync(path);
        using var client = host.CreateClient((string?)answer["token"]);
        var query = answer["access_token"] is { } token ? "?access_token=" + token : "";
        (await client.PostAsync("/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny" + query, new { messages = new[] { new { role = "user", content = "hi" } } })).Text("result").ShouldBe("qianfan-tiny: hi");
        (await client.PostAsync("/wenxinworkshop/dataset/list" + query, new { })).Text("message").ShouldStartWith(Refused);
    }

    [Fact]
    public async Task A_link_is_good_for_what_its_key_may_fetch()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        var id = (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var exports = host.Services.GetRequiredService<DatasetExports>();
        var export = await exports.GetAsync("one", id, TestContext.Current.CancellationToken);
        // Links are signed with the key's own secret: whoever has a key can make one up.
        (await FetchAsync("ALTAKreader", "reader-secret-0123456789")).ShouldBe(HttpStatusCode.OK);
        (await FetchAsync("ALTAKcaller", "caller-secret-0123456789")).ShouldBe(HttpStatusCode.Forbidden);

        async Task<HttpStatusCode> FetchAsync(string accessKey, string secretKey)
        {
            var link = new Uri(exports.Link(new PlatformKey(accessKey, secretKey, "one", KeyScopes.Read), export));
            using var nobody = host.CreateClient(null);
            using var response = await nobody.GetAsync(link.PathAndQuery, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task Unknown_paths_methods_and_actions_are_answered_in_json()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var path in new[] { "/v1", "/v1/nothing", "/v2/nothing/at/all", "/wenxinworkshop/nothing", "/wenxinworkshop/dataset/nothing", "/rpc/2.0/nothing", "/oauth/2.0/nothing" })
        {
            using var response = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);
            (await PlatformCalls.ReadAsync(response)).ToJsonString().ShouldContain("There is no");
            response.StatusCode.ShouldBeOneOf(HttpStatusCode.NotFound, path.StartsWith("/rpc", StringComparison.Ordinal) ? HttpStatusCode.OK : HttpStatusCode.NotFound);
        }

        using var method = await host.Client.GetAsync("/v2/finetuning?Action=DescribeFineTuningTask", TestContext.Current.CancellationToken);
        method.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        method.Content.Headers.Allow.ShouldBe(["POST"]);
        (await PlatformCalls.ReadAsync(method)).Text("code").ShouldBe("MethodNotAllowed");

        foreach (var query in new[] { "", "?Action=", "?Action=Nothing" })
            (await host.Client.PostAsync("/v2/finetuning" + query, new { })).Text("code").ShouldBe("InvalidAction");
    }
}
