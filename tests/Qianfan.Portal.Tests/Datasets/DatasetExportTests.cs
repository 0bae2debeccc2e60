using System.IO.Compression;
using System.Net;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Datasets;

/// <summary>From an uploaded file to the zip that comes back, through the real platform in the same process.</summary>
public class DatasetExportTests
{
    private const string Rows = """
        [{"prompt": "What is the mascot?", "response": [["A cat called Biscuit."]]}]
        [{"prompt": "吉祥物是什么？", "response": [["灯塔猫饼干。"]]}]
        {nonsense

        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_good_rows_come_back_in_a_zip_without_a_login_and_other_teams_get_no_address()
    {
        PortalFactory? factory = null;
        await using var portal = factory = new PortalFactory
        {
            Roles = "portal,platform",
            ConfigureServices = services =>
            {
                services.Configure<PlatformOptions>(options => options.EngineDirectory = AppContext.BaseDirectory);
                // The test server listens on no socket.
                services.AddHttpClient(PlatformHosting.EmbeddedClient).ConfigurePrimaryHttpMessageHandler(() => factory!.Server.CreateHandler());
            },
        };
        using var browser = await portal.CreateClientAsync();
        using var uploaded = await PageScript.UploadAsync(browser, portal.ProjectId, Encoding.UTF8.GetBytes(Rows), "bikes.jsonl");
        uploaded.StatusCode.ShouldBe(HttpStatusCode.OK, await uploaded.Content.ReadAsStringAsync(Cancel));
        await using var db = portal.Db();
        var dataset = await db.Datasets.SingleAsync(Cancel);
        var datasets = portal.Get<DatasetService>();
        var viewer = await portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);

        var address = await datasets.ExportAsync(viewer, portal.ProjectId, dataset.Id, Cancel);

        using var nobody = portal.CreateBrowser();
        using var zip = new ZipArchive(await nobody.GetStreamAsync(address, Cancel));
        var entry = zip.Entries.ShouldHaveSingleItem();
        entry.Name.ShouldEndWith(".jsonl");
        using var reader = new StreamReader(await entry.OpenAsync(Cancel));
        var lines = (await reader.ReadToEndAsync(Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(2);
        lines[0].ShouldContain("A cat called Biscuit.");
        lines[1].ShouldContain("灯塔猫饼干。");

        using var forged = await nobody.GetAsync(address[..^4] + "0000", Cancel);
        forged.IsSuccessStatusCode.ShouldBeFalse();
        await portal.AddTeamAsync("stranger@example.com");
        var stranger = await portal.ActorAsync("stranger@example.com");
        await Should.ThrowAsync<NotFoundException>(() => datasets.ExportAsync(stranger, portal.ProjectId, dataset.Id, Cancel));
    }
}
