using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Data;
using Qianfan.Platform.Files;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>A file that comes in parts.</summary>
public sealed class UploadTests
{
    [Fact]
    public async Task Parts_become_a_file_in_the_order_given_also_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-uploads-").FullName;
        var rows = Encoding.UTF8.GetBytes(PlatformCalls.TwoRows);
        string upload;
        string tail;
        await using (var first = await PlatformHost.StartAsync(folder: folder, keepsFolder: true))
        {
            upload = (await CreateAsync(first, rows.Length)).Text("id");
            tail = (await PartAsync(first, upload, rows[50..])).Text("id");
        }

        await using var host = await PlatformHost.StartAsync(folder: folder);
        var pending = await host.Client.GetJsonAsync("/v1/uploads/" + upload);
        pending.Text("status").ShouldBe("pending");
        pending["parts"]!.AsArray().Single()!["bytes"]!.GetValue<int>().ShouldBe(rows.Length - 50);
        var head = (await PartAsync(host, upload, rows[..50])).Text("id");
        var completed = await host.Client.PostAsync($"/v1/uploads/{upload}/complete", new { part_ids = new[] { head, tail }, md5 = Checksum(rows) });
        completed.Text("status").ShouldBe("completed");
        completed["file"]!.Text("filename").ShouldBe("rows.jsonl");
        var file = completed["file"]!.Text("id");
        (await host.Client.GetByteArrayAsync($"/v1/files/{file}/content", TestContext.Current.CancellationToken)).ShouldBe(rows);
        (await host.Client.PostAsync("/v1/fine_tuning/jobs", new { training_file = file, model = "qianfan-tiny" })).Text("id").ShouldStartWith("ftjob-");
        Directory.EnumerateFileSystemEntries(Path.Combine(folder, "data", "uploads")).ShouldBeEmpty();
        (await host.Client.PostAsync($"/v1/uploads/{upload}/cancel", new { }))["error"]!.Text("message").ShouldContain("no longer pending");
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_and_leaves_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        var upload = (await CreateAsync(host, 10)).Text("id");
        (await PartAsync(host, upload, new byte[11]))["error"]!.Text("param").ShouldBe("data");
        var part = (await PartAsync(host, upload, new byte[6])).Text("id");
        (await PartAsync(host, upload, new byte[5]))["error"]!.Text("param").ShouldBe("data");
        foreach (var ids in new[] { new[] { part }, [part, part], ["part_none"], [] })
            (await host.Client.PostAsync($"/v1/uploads/{upload}/complete", new { part_ids = ids }))["error"]!.Text("param").ShouldBe("part_ids");
        var rest = (await PartAsync(host, upload, new byte[4])).Text("id");
        (await host.Client.PostAsync($"/v1/uploads/{upload}/complete", new { part_ids = new[] { part, rest }, md5 = "00" }))["error"]!.Text("param").ShouldBe("md5");
        (await host.Client.GetJsonAsync("/v1/files"))["data"]!.AsArray().ShouldBeEmpty();
        (await host.Client.PostAsync($"/v1/uploads/{upload}/cancel", new { })).Text("status").ShouldBe("cancelled");
        foreach (var place in new[] { "uploads", "files" }) Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", place)).ShouldBeEmpty();
        (await host.Client.PostAsync("/v1/uploads", new { filename = "x", purpose = "fine-tune", bytes = 2 << 20 }))["error"]!.Text("message").ShouldContain("MaxFileBytes");
    }

    [Fact]
    public async Task An_upload_that_nobody_goes_on_with_expires_and_frees_its_place()
    {
        var time = new FakeTimeProvider();
        await using var host = await PlatformHost.StartAsync(time: time);
        var upload = (await CreateAsync(host, 10)).Text("id");
        await PartAsync(host, upload, new byte[6]);
        time.Advance(TimeSpan.FromDays(1));
        (await host.Client.GetJsonAsync("/v1/uploads/" + upload)).Text("status").ShouldBe("expired");
        (await PartAsync(host, upload, new byte[4]))["error"]!.Text("message").ShouldContain("no longer pending");
        await CreateAsync(host, 10);
        Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", "uploads")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Parts_that_a_crash_left_behind_an_ended_upload_are_cleared_away()
    {
        await using var host = await PlatformHost.StartAsync();
        var upload = (await CreateAsync(host, 10)).Text("id");
        var part = (await PartAsync(host, upload, new byte[6])).Text("id");
        // The platform died between the end of the upload and the clearing of its parts.
        await using (var context = await host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken))
            await context.Uploads.ExecuteUpdateAsync(set => set.SetProperty(row => row.State, UploadState.Completed), TestContext.Current.CancellationToken);
        Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", "uploads")).Single().ShouldContain(part);

        await CreateAsync(host, 10);
        Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", "uploads")).ShouldBeEmpty();
    }

    private static string Checksum(byte[] bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        hash.AppendData(bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Task<JsonObject> CreateAsync(PlatformHost host, long bytes) => host.Client.PostAsync("/v1/uploads", new { filename = "rows.jsonl", purpose = "fine-tune", bytes, mime_type = "text/jsonl" });

    private static async Task<JsonObject> PartAsync(PlatformHost host, string upload, byte[] bytes)
    {
        using var content = new MultipartFormDataContent { { new ByteArrayContent(bytes), "data", "data" } };
        using var response = await host.Client.PostAsync($"/v1/uploads/{upload}/parts", content, TestContext.Current.CancellationToken);
        return await PlatformCalls.ReadAsync(response);
    }
}
