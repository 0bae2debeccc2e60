using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Datasets as V2 sees them: a group of versions.</summary>
public sealed class DatasetV2Tests
{
    [Fact]
    public async Task A_dataset_has_versions_that_are_imported_published_and_trained_on()
    {
        await using var host = await PlatformHost.StartAsync();
        var client = host.Client;
        var created = (await client.V2Async("dataset", "CreateDataset", new { datasetName = "d", dataFormat = "PromptResponse", storageType = "sysStorage" })).Result();
        var (dataset, first) = (created.Text("datasetId"), created.Text("versionId"));
        dataset.ShouldStartWith("dg-");
        first.ShouldStartWith("ds-");
        var second = (await client.V2Async("dataset", "CreateDatasetVersion", new { datasetId = dataset, description = "newer" })).Result().Text("versionId");
        var described = (await client.V2Async("dataset", "DescribeDatasetVersion", new { versionId = second })).Result();
        described["version"]!.GetValue<int>().ShouldBe(2);
        described.Text("description").ShouldBe("newer");

        var import = (await client.V2Async("dataset", "CreateImportTask", new { versionId = second, files = new[] { await client.UploadAsync() } })).Result().Text("taskId");
        await client.ImportedAsync(second);
        var task = (await client.V2Async("dataset", "DescribeImportTask", new { taskId = import })).Result();
        task.Text("runStatus").ShouldBe("Done");
        task["entityCount"]!.GetValue<int>().ShouldBe(2);
        foreach (var wrong in new[] { "import-x-1", import + "1", "task-1", "", $"import-{first[3..]}-1" })
            (await client.V2Async("dataset", "DescribeImportTask", new { taskId = wrong })).Text("code").ShouldBe("ResourceNotFound", wrong);

        (await client.V2Async("dataset", "PublishDatasetVersion", new { versionId = first })).Text("code").ShouldBe("OperationConflict");
        (await client.V2Async("dataset", "PublishDatasetVersion", new { versionId = second })).Result<bool>().ShouldBeTrue();
        var (_, training) = await client.TaskAsync(dataset: second);
        await client.AwaitTaskAsync(training, "Done");

        (await client.V2Async("dataset", "DescribeDatasetVersions", new { datasetId = dataset, maxKeys = 1 })).Result()["versionList"]![0]!.Text("versionId").ShouldBe(second);
        (await client.V2Async("dataset", "DeleteDatasetVersion", new { versionId = second })).Result<bool>().ShouldBeTrue();
        (await client.V2Async("dataset", "DescribeDatasets", new { })).Result()["datasetList"]!.AsArray().Single()!.Text("newestVersionId").ShouldBe(first);
        (await client.V2Async("dataset", "DeleteDataset", new { datasetId = dataset })).Result<bool>().ShouldBeTrue();
        (await client.V2Async("dataset", "DescribeDatasetVersions", new { datasetId = dataset })).Text("code").ShouldBe("ResourceNotFound");
    }

    [Fact]
    public async Task An_import_that_fails_says_why()
    {
        await using var host = await PlatformHost.StartAsync();
        var version = (await host.Client.V2Async("dataset", "CreateDataset", new { datasetName = "d" })).Result().Text("versionId");
        var import = (await host.Client.V2Async("dataset", "CreateImportTask", new { versionId = version, files = new[] { await host.Client.UploadAsync("rubbish\n") } })).Result().Text("taskId");
        await host.Client.ImportedAsync(version);
        var task = (await host.Client.V2Async("dataset", "DescribeImportTask", new { taskId = import })).Result();
        task.Text("runStatus").ShouldBe("Failed");
        task.Text("message").ShouldContain("line 1");
    }

    [Fact]
    public async Task A_format_that_cannot_be_trained_on_is_refused()
    {
        await using var host = await PlatformHost.StartAsync();
        (await host.Client.V2Async("dataset", "CreateDataset", new { datasetName = "d", dataFormat = "DPO_PromptChosenRejected" })).Text("code").ShouldBe("NotSupported");
    }
}
