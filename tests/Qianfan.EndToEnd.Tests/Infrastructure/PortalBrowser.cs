using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>What a person does in one browser window of the portal.</summary>
internal sealed partial class PortalBrowser(IPage page, string address)
{
    public const string Email = "ada@example.com";
    public const string Password = "Correct-horse-7";

    public IPage Page { get; } = page;

    public ILocator Test(string id) => Page.GetByTestId(id);

    /// <summary>Bootstraps a portal without a hand: for tests that are not about setting up.</summary>
    public static Dictionary<string, string> Bootstrap() => new()
    {
        ["Portal__Bootstrap__Email"] = Email,
        ["Portal__Bootstrap__Password"] = Password,
        ["Portal__Bootstrap__Team"] = "Lantern Bay",
        ["Portal__Bootstrap__Project"] = "Support",
        ["Portal__Bootstrap__AccessKey"] = AccessKey,
        ["Portal__Bootstrap__SecretKey"] = SecretKey,
    };

    public const string AccessKey = "ALTAKendtoendtests0000000";
    public const string SecretKey = "0123456789abcdef0123456789abcdef";

    public async Task SetUpAsync(string code)
    {
        await Page.GotoAsync(address);
        await Expect(Page).ToHaveURLAsync(new Regex("/setup$"));
        await FillAsync("Code", code);
        await FillAsync("Email", Email);
        await FillAsync("DisplayName", "Ada");
        await FillAsync("Password", Password);
        await FillAsync("Repeat", Password);
        await FillAsync("Team", "Lantern Bay");
        await FillAsync("Project", "Support");
        await Page.Locator("button[type=submit]").ClickAsync();
        await Expect(Page).Not.ToHaveURLAsync(new Regex("/setup"));
    }

    public async Task SignInAsync(string email = Email, string password = Password)
    {
        await Page.GotoAsync($"{address}/account/login");
        await FillAsync("Email", email);
        await FillAsync("Password", password);
        await Page.Locator("button[type=submit]").First.ClickAsync();
        await Expect(Page).Not.ToHaveURLAsync(new Regex("/account/login"));
        await InteractiveAsync();
    }

    /// <summary>Waits until the page's circuit is up: clicks before are lost.</summary>
    public Task InteractiveAsync() => Expect(Page.Locator("[data-interactive=true]").First).ToBeVisibleAsync();

    /// <summary>The project's id, from the first project of the home page.</summary>
    public async Task<string> OpenProjectAsync()
    {
        await Page.GotoAsync(address);
        await InteractiveAsync();
        await Page.Locator("main a[href*='/projects/']").First.ClickAsync();
        await Page.WaitForURLAsync(new Regex("/projects/[0-9a-f-]{36}"));
        return ProjectId().Match(Page.Url).Groups[1].Value;
    }

    public async Task GotoAsync(string path)
    {
        await Page.GotoAsync(address + path);
        await InteractiveAsync();
    }

    /// <summary>Uploads a file and ends on the dataset's page.</summary>
    public async Task UploadAsync(string projectId, string file, string? name = null)
    {
        await GotoAsync($"/projects/{projectId}/datasets");
        await Test("dataset-file-input").SetInputFilesAsync(file);
        if (name is not null)
            await Test("dataset-name").FillAsync(name);
        await Test("upload-submit").ClickAsync();
        await Expect(Test("good-rows")).ToBeVisibleAsync(new() { Timeout = 60_000 });
    }

    /// <summary>From the dataset's page, starts a fine-tune with the defaults, changed by <paramref name="change"/>, and ends on the run's page.</summary>
    public async Task<string> FineTuneAsync(Func<PortalBrowser, Task>? change = null)
    {
        await Test("finetune-link").ClickAsync();
        if (change is not null)
            await change(this);
        await Test("start-run-submit").ClickAsync();
        await Page.WaitForURLAsync(new Regex("/runs/[0-9a-f-]{36}"));
        return RunId().Match(Page.Url).Groups[1].Value;
    }

    public Task RunStatusAsync(string status, float timeoutSeconds = 60) =>
        Expect(Test("run-status")).ToHaveAttributeAsync("data-status", status, new() { Timeout = timeoutSeconds * 1000 });

    public async Task ScreenshotAsync(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Repository.Artifacts, "screenshots")).FullName;
        await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
    }

    private Task FillAsync(string field, string value) => Page.Locator($"[name='Input.{field}']").FillAsync(value);

    [GeneratedRegex("/projects/([0-9a-f-]{36})")]
    private static partial Regex ProjectId();

    [GeneratedRegex("/runs/([0-9a-f-]{36})")]
    private static partial Regex RunId();
}
