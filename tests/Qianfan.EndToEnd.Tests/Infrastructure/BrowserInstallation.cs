using System.Diagnostics;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>Finds a Chromium-like browser, or installs one: <c>CHROMIUM_PATH</c>, then the system's, then Playwright's own, then the system's package manager.</summary>
internal static class BrowserInstallation
{
    private static readonly string[] s_systemBrowsers = OperatingSystem.IsWindows()
        ? [@"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe"]
        : OperatingSystem.IsMacOS()
            ? ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"]
            : ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/usr/bin/microsoft-edge"];

    /// <summary>The path of the browser's executable.</summary>
    /// <param name="playwrightBrowser">Where Playwright would keep its own.</param>
    /// <exception cref="InvalidOperationException">There is none and none can be installed; the message says what to do.</exception>
    public static async Task<string> EnsureAsync(string playwrightBrowser, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable("CHROMIUM_PATH") is { Length: > 0 } configured)
        {
            return File.Exists(configured)
                ? configured
                : throw new InvalidOperationException($"CHROMIUM_PATH names {configured}, which does not exist.");
        }

        if (Find(playwrightBrowser) is { } found)
            return found;

        Console.WriteLine("No browser found: trying Playwright's installer.");
        // Exit codes are not looked at: whether a browser is there afterwards is what counts.
        Microsoft.Playwright.Program.Main(["install", "chromium"]);
        if (Find(playwrightBrowser) is { } downloaded)
            return downloaded;

        if (OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess && File.Exists("/usr/bin/apt-get"))
        {
            Console.WriteLine("Installing chromium and a Chinese font with apt-get, since this process runs as root.");
            await RunAsync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "update"], cancellationToken);
            await RunAsync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", "chromium", "fonts-wqy-microhei"], cancellationToken);
            if (Find(playwrightBrowser) is { } installed)
                return installed;
        }

        throw new InvalidOperationException("The browser tests need Chromium, Chrome or Edge, and none could be installed here: install one, or set CHROMIUM_PATH to its executable.");
    }

    private static string? Find(string playwrightBrowser) =>
        s_systemBrowsers.Append(playwrightBrowser).FirstOrDefault(File.Exists);

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        await output;
        if (process.ExitCode != 0)
            Console.WriteLine($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await errors}");
    }
}
