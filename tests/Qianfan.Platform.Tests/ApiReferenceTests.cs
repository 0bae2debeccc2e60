using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Http;
using Qianfan.Platform.Reference;
using Qianfan.Platform.Tests.Support;
using Route = Qianfan.Platform.Tests.Support.Route;

namespace Qianfan.Platform.Tests;

/// <summary>The OpenAPI document and its page: they say what is there, and what they say works.</summary>
public sealed partial class ApiReferenceTests
{
    [Fact]
    public async Task The_document_has_every_route_and_nothing_else()
    {
        await using var host = await PlatformHost.StartAsync();
        using var nobody = host.CreateClient(null);
        var document = await nobody.GetJsonAsync("/openapi/platform.json");
        document.Text("openapi").ShouldStartWith("3.1");
        document["servers"]![0]!.Text("url").ShouldBe("http://platform.test");
        var told = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).ToList();
        var mapped = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<ApiFamily>() is not null && endpoint.Metadata.GetMetadata<HttpMethodMetadata>() is not null)
            .Select(endpoint => $"{endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single()} {endpoint.RoutePattern.RawText}").ToList();
        told.ShouldBe(mapped, ignoreOrder: true);
        mapped.Count.ShouldBeGreaterThan(50);

        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => operation.Value!)).ToList();
        operations.Select(operation => operation.Text("operationId")).ShouldBeUnique();
        var tags = document["tags"]!.AsArray().Select(tag => tag!.Text("name")).ToList();
        operations.ShouldAllBe(operation => tags.Contains(operation["tags"]![0]!.GetValue<string>()));
        // Only where a key is brought to be exchanged, and for an address that was signed, none is needed.
        document["paths"]!.AsObject().Where(path => path.Value!.AsObject().Any(operation => operation.Value!["security"]!.AsArray().Count == 0)).Select(path => path.Key).ShouldBe(["/oauth/2.0/token", "/v2/dataset/exports/{exportId}"]);
        foreach (var path in document["paths"]!.AsObject())
        {
            var inPath = PathParameter().Matches(path.Key).Select(match => match.Groups[1].Value);
            foreach (var operation in path.Value!.AsObject())
                (operation.Value!["parameters"]?.AsArray() ?? new JsonArray()).Where(parameter => parameter!.Text("in") == "path").Select(parameter => parameter!.Text("name")).ShouldBe(inPath, $"{operation.Key} {path.Key}");
        }
    }

    [Fact]
    public async Task Every_action_and_every_body_is_described_and_no_path_of_the_server_is_told()
    {
        await using var host = await PlatformHost.StartAsync();
        var text = await host.Client.GetStringAsync("/openapi/platform.json", TestContext.Current.CancellationToken);
        text.ShouldNotContain(host.Folder);
        text.ShouldNotContain(PlatformHost.SecretKey);
        var document = JsonNode.Parse(text)!.AsObject();
        var schemas = document["components"]!["schemas"]!.AsObject();
        foreach (Match reference in Reference().Matches(text)) schemas.ContainsKey(reference.Groups[1].Value["#/components/schemas/".Length..]).ShouldBeTrue(reference.Value);
        foreach (var route in Route.All(host).Where(route => route.Body is not null))
        {
            var action = route.Path.Contains("?Action=", StringComparison.Ordinal) ? route.Path.Split("?Action=")[1] : null;
            var operation = document["paths"]![route.Pattern]![route.Method.ToLowerInvariant()]!;
            if (action is not null) operation["parameters"]!.AsArray().Single(parameter => parameter!.Text("name") == "Action")!["schema"]!["enum"]!.AsArray().Select(value => (string?)value).ShouldContain(action);
            var schema = operation["requestBody"]!["content"]!["application/json"]!["schema"]!;
            var references = (schema["anyOf"]?.AsArray().Select(entry => entry!) ?? [schema]).Select(entry => entry.Text("$ref")).ToList();
            var own = references.Select(reference => schemas[reference["#/components/schemas/".Length..]]!).ToList();
            // A body without a member has nothing to describe.
            var members = JsonBodies.MemberNames(route.Body!);
            own.ShouldContain(candidate => members.All(member => candidate["properties"] != null && candidate["properties"]!.AsObject().ContainsKey(member)), $"{route}: {string.Join(", ", members)}");
        }
    }

    [Fact]
    public async Task Numbers_are_numbers_alone_where_the_api_takes_no_others()
    {
        await using var host = await PlatformHost.StartAsync();
        var schemas = (await host.Client.GetJsonAsync("/openapi/platform.json"))["components"]!["schemas"]!;
        var strict = schemas["OpenAIChatBody"]!["properties"]!;
        strict["max_tokens"]!["type"]!.ToJsonString().ShouldBe("""["integer","null"]""");
        strict["messages"]!["items"]!["properties"]!["role"]!["type"]!.ToJsonString().ShouldBe("""["string","null"]""");
        schemas["ChatBody"]!["properties"]!["max_tokens"]!["type"]!.ToJsonString().ShouldContain("string");
        var task = schemas["CreateFineTuningTaskRequest"]!;
        task["required"]!.AsArray().Select(member => (string?)member).ShouldContain("parameterScale");
        task["properties"]!["jobId"]!["type"]!.ToJsonString().ShouldBe("""["string","number","boolean"]""");
    }

    [Fact]
    public async Task Members_that_are_called_required_are()
    {
        await using var host = await PlatformHost.StartAsync();
        var routes = Route.All(host);
        foreach (var (type, members) in RequestSchemas.Required)
        {
            foreach (var member in members)
            {
                var body = new JsonObject { ["model"] = "qianfan-tiny", ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "x" }), ["prompt"] = "x", ["training_file"] = "file-none" };
                body.Remove(member);
                foreach (var route in routes.Where(route => route.Body == type))
                    (await host.Client.PostAsync(route.Path, body.DeepClone()))["error"]!.Text("param").ShouldBe(member, route.ToString());
            }
        }
    }

    [Fact]
    public async Task Its_examples_work()
    {
        await using var host = await PlatformHost.StartAsync();
        var document = await host.Client.GetJsonAsync("/openapi/platform.json");
        var tried = 0;
        foreach (var (path, operations) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var content = operation!["requestBody"]?["content"]?["application/json"];
                if (content?["example"] is { } example) await TryAsync(method, path.Replace("{endpoint}", "qianfan-tiny", StringComparison.Ordinal), example);
                foreach (var (action, named) in content?["examples"]?.AsObject() ?? new JsonObject()) await TryAsync(method, $"{path}?Action={action}", named!["value"]!);
            }
        }

        // One that no route has is one that nobody sees.
        tried.ShouldBe(ByHand.Examples.Count);
        foreach (var key in ByHand.Parameters.Keys.Concat(ByHand.Forms.Keys).Concat(ByHand.Answers.Keys))
            document["paths"]![key.Split(' ')[1]]?[key.Split(' ')[0].ToLowerInvariant()].ShouldNotBeNull(key);
        return;

        async Task TryAsync(string method, string path, JsonNode body)
        {
            tried++;
            using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), path) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
            using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
            var answer = await PlatformCalls.ReadAsync(response);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, $"{path}: {answer.ToJsonString()}");
            foreach (var error in new[] { "error", "error_code", "code" }) answer.ContainsKey(error).ShouldBeFalse($"{path}: {answer.ToJsonString()}");
        }
    }

    [Fact]
    public async Task The_page_shows_all_of_it_and_fetches_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        using var nobody = host.CreateClient(null);
        using var response = await nobody.GetAsync("/openapi", TestContext.Current.CancellationToken);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/html");
        var page = WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        foreach (var (path, _) in (await host.Client.GetJsonAsync("/openapi/platform.json"))["paths"]!.AsObject()) page.ShouldContain($"<code>{path}</code>");
        page.ShouldNotContain("<script");
        Links().Matches(page).Select(match => match.Groups[1].Value).ShouldBe(["/openapi/platform.json"]);
    }

    [Fact]
    public async Task A_setting_turns_both_off()
    {
        await using var host = await PlatformHost.StartAsync(configure: options => options.ApiReference = false);
        foreach (var path in new[] { "/openapi", "/openapi/platform.json" })
        {
            using var response = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }
    }

    [GeneratedRegex("\"\\$ref\": ?\"([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("\\{(\\w+)\\}")]
    private static partial Regex PathParameter();

    [GeneratedRegex("(?:href|src|url)=\"([^\"]+)\"")]
    private static partial Regex Links();
}
