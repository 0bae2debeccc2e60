using System.Net;
using System.Text.Json.Nodes;
using Qianfan.Platform.Http;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Every route, tried by those who may not call it.</summary>
public sealed class AccessTests
{
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

    [Fact]
    public async Task A_read_only_key_changes_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.Reader();
        foreach (var route in Route.All(host))
        {
            using var response = await client.SendAsync(route.Request(), TestContext.Current.CancellationToken);
            var body = await PlatformCalls.ReadAsync(response);
            if (route.Writes) response.StatusCode.ShouldBe(HttpStatusCode.Forbidden, $"{route} {body.ToJsonString()}");
            else response.StatusCode.ShouldNotBe(HttpStatusCode.Forbidden, $"{route} {body.ToJsonString()}");
        }
    }

    [Fact]
    public async Task Another_owner_finds_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        var mine = await OwnEverythingAsync(host);
        using var other = host.OtherOwner();
        foreach (var (path, body) in Calls(mine))
        {
            using var request = body is null ? new HttpRequestMessage(path.Contains("file-", StringComparison.Ordinal) && !path.EndsWith("content", StringComparison.Ordinal) ? HttpMethod.Delete : HttpMethod.Get, path) : new HttpRequestMessage(HttpMethod.Post, path) { Content = System.Net.Http.Json.JsonContent.Create(body) };
            using var response = await other.SendAsync(request, TestContext.Current.CancellationToken);
            var theirs = await PlatformCalls.ReadAsync(response);
            theirs.ToJsonString().ShouldContain("does not exist", Case.Insensitive, $"{path} {theirs.ToJsonString()}");
        }

        // And it is all still there.
        (await host.Client.AwaitTaskAsync(mine.Task, "Done")).Text("jobId").ShouldBe(mine.Job);
        (await host.Client.AwaitServiceAsync(mine.Service, "Serving")).Text("serviceId").ShouldBe(mine.Service);
        foreach (var list in new[] { "/v1/files", "/v1/fine_tuning/jobs" }) (await other.GetJsonAsync(list))["data"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("finetuning", "DescribeFineTuningJobs", new { })).Result()["jobList"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("service", "DescribeServices", new { })).Result()["serviceList"]!.AsArray().ShouldBeEmpty();
        (await other.V2Async("model", "DescribeCustomModelSets", new { })).Result()["modelSetList"]!.AsArray().ShouldBeEmpty();
        (await other.V1Async("dataset/list", new { })).Result()["items"]!.AsArray().ShouldBeEmpty();
        (await other.V1Async("service/list", new { })).Result()["custom"]!.AsArray().ShouldBeEmpty();
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

    private sealed record Owned(string File, string Dataset, string Job, string Task, string Set, string Version, string Service, string Suffix);

    private static async Task<Owned> OwnEverythingAsync(PlatformHost host)
    {
        var client = host.Client;
        var file = await client.UploadAsync();
        var dataset = await client.DatasetAsync();
        var (job, task) = await client.TaskAsync(dataset: dataset);
        await client.AwaitTaskAsync(task, "Done");
        var (set, version) = await client.PublishAsync(job, task);
        var service = (await client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        await client.AwaitServiceAsync(service, "Serving");
        return new Owned(file, dataset, job, task, set, version, service, "mine");
    }

    private static IEnumerable<(string Path, object? Body)> Calls(Owned mine)
    {
        yield return ($"/v1/files/{mine.File}", null);
        yield return ($"/v1/files/{mine.File}/content", null);
        foreach (var action in new[] { "info", "release", "delete", "importErrorDetail" }) yield return ($"/wenxinworkshop/dataset/{action}", new { datasetId = mine.Dataset });
        yield return ("/wenxinworkshop/dataset/statusList", new { datasetIds = new[] { mine.Dataset } });
        yield return ("/wenxinworkshop/dataset/import", new { datasetId = mine.Dataset, files = new[] { mine.File } });
        yield return ("/wenxinworkshop/entity/list", new { datasetId = mine.Dataset });
        foreach (var action in new[] { "DescribeFineTuningTask", "StopFineTuningTask", "ResumeFineTuningTask", "DeleteFineTuningTask" }) yield return ($"/v2/finetuning?Action={action}", new { taskId = mine.Task });
        foreach (var action in new[] { "DescribeFineTuningTasks", "DeleteFineTuningJob" }) yield return ($"/v2/finetuning?Action={action}", new { jobId = mine.Job });
        yield return ("/v2/finetuning?Action=CreateFineTuningTask", new { jobId = mine.Job, parameterScale = "LoRA", hyperParameterConfig = new { }, datasetConfig = new { versions = new[] { new { versionId = mine.Dataset } }, splitRatio = 0 } });
        yield return ($"/v2/finetuning/tasks/{mine.Task}/events", null);
        yield return ("/wenxinworkshop/modelrepo/publishTrainModel", new { modelName = "x", versionMeta = new { taskId = mine.Job, iterationId = mine.Task } });
        yield return ("/wenxinworkshop/modelrepo/modelDetail", new { modelId = mine.Set });
        yield return ("/wenxinworkshop/modelrepo/modelVersionDetail", new { modelVersionId = mine.Version });
        yield return ("/wenxinworkshop/modelrepo/model/batchDelete", new { modelIDs = new[] { mine.Set } });
        yield return ("/wenxinworkshop/modelrepo/model/version/batchDelete", new { modelVersionIds = new[] { mine.Version } });
        foreach (var action in new[] { "DescribeModelSet", "DeleteModelSet" }) yield return ($"/v2/model?Action={action}", new { modelSetId = mine.Set });
        foreach (var action in new[] { "DescribeModel", "DeleteModel" }) yield return ($"/v2/model?Action={action}", new { modelId = mine.Version });
        foreach (var action in new[] { "DescribeService", "StopService", "StartService", "DeleteService" }) yield return ($"/v2/service?Action={action}", new { serviceId = mine.Service });
        yield return ("/v2/service?Action=ModifyService", new { serviceId = mine.Service, modelSetId = mine.Set, modelId = mine.Version });
        yield return ("/v2/service?Action=CreateService", new { modelSetId = mine.Set, modelId = mine.Version, name = "s", urlSuffix = "theirs" });
        yield return ($"/v1/models/{mine.Suffix}", null);
    }
}
