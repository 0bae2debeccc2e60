using System.Net;
using System.Text;
using Qianfan.Platform.Http;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every route, sent what it doesn't expect: the answer is JSON and says what is wrong, and is never a fault of the server.</summary>
public sealed class BrokenBodyTests
{
    public static TheoryData<string> Bodies =>
    [
        "", "null", "{", "[]", "[1,2]", "\"text\"", "7", "{\"datasetId\":{}}", "nonsense", "{\"taskId\":null,\"jobId\":null,\"serviceId\":null,\"modelId\":null}",
        "{\"taskId\":[1],\"jobId\":[2],\"files\":5,\"datasetIds\":\"x\",\"messages\":7,\"input\":{},\"prompt\":[],\"model\":{}}",
        "{\"name\":\"\",\"datasetId\":\"\",\"taskId\":\"\",\"jobId\":\"\",\"modelId\":\"\",\"modelSetId\":\"\",\"serviceId\":\"\",\"urlSuffix\":\"\",\"files\":[],\"messages\":[],\"input\":[]}",
        "{\"datasetId\":\"ds-x\",\"files\":[null],\"offset\":-1,\"pageSize\":1000,\"taskId\":99999999999999999999,\"jobId\":1e400,\"maxKeys\":0,\"modelSetId\":1,\"modelId\":2,\"serviceId\":3}",
        "{\"datasetIds\":[null],\"modelIDs\":[null],\"modelVersionIds\":[null],\"runStatus\":[null],\"messages\":[null],\"input\":[null],\"versionMeta\":{},\"model\":\"qianfan-tiny\"}",
        "{\"model\":\"qianfan-tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":99,\"stop\":{},\"max_tokens\":-1}",
        "{\"a\":\"\u0000\uD800\"}", "{\"name\":\"x\",\"name\":\"y\",\"unknown\":[{}]}",
        "{\"jobId\":\"job-x\",\"parameterScale\":null,\"hyperParameterConfig\":null,\"datasetConfig\":{\"versions\":[null],\"splitRatio\":\"x\"}}",
    ];

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task No_route_fails_on_it(string body)
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var route in Route.All(host).Where(route => route.Method == "POST"))
        {
            using var request = route.Request(body);
            using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
            var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            ((int)response.StatusCode).ShouldBeLessThan(500, $"{route}: {answer}");
            response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json", $"{route}: {answer}");
            answer.ShouldNotContain("500000", customMessage: $"{route}: {answer}");
            answer.ShouldNotContain("336000", customMessage: $"{route}: {answer}");
        }
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_with_the_setting_to_change()
    {
        await using var host = await PlatformHost.StartAsync();
        var body = $$"""{"name":"{{new string('x', 70_000)}}"}""";
        foreach (var chunked in new[] { false, true })
        {
            foreach (var route in Route.All(host).Where(route => route.Method == "POST" && !route.Path.StartsWith("/v1/files", StringComparison.Ordinal) && !route.Path.Contains("nobodys-id", StringComparison.Ordinal)))
            {
                using var request = route.Request(body);
                request.Headers.TransferEncodingChunked = chunked;
                using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
                (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("MaxRequestBytes", customMessage: route.ToString());
            }
        }
    }

    [Theory]
    [InlineData("{\"jobId\":\"job-x\",\"hyperParameterConfig\":{},\"datasetConfig\":{\"versions\":[]}}", "param[parameterScale] is missing")]
    [InlineData("{\"jobId\":[],\"parameterScale\":\"LoRA\"}", "param[jobId]")]
    [InlineData("{\"jobId\": job}", "no valid JSON")]
    public async Task The_field_is_named(string body, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await host.Client.PostAsync("/v2/finetuning?Action=CreateFineTuningTask", content, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var answer = await PlatformCalls.ReadAsync(response);
        answer.Text("code").ShouldBe("InappropriateJSON");
        answer.Text("message").ShouldContain(message);
    }

    [Fact]
    public async Task Values_in_addresses_are_checked_too()
    {
        await using var host = await PlatformHost.StartAsync();
        foreach (var path in new[] { "/v1/files?limit=many", "/v1/fine_tuning/jobs?limit=x", "/v1/fine_tuning/jobs/nobodys-id/events?limit=9999999999999" })
        {
            using var response = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, path);
            (await PlatformCalls.ReadAsync(response))["error"]!.Text("type").ShouldBe("invalid_request_error");
        }
    }
}
