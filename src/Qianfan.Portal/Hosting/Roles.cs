namespace Qianfan.Portal.Hosting;

/// <summary>What this process does, from the setting <c>Roles</c> (comma separated).</summary>
/// <param name="Portal">Web UI, hub, pipeline jobs.</param>
/// <param name="Platform">HTTP API of the platform.</param>
/// <param name="Trainer">Training and serving workers.</param>
public sealed record Roles(bool Portal, bool Platform, bool Trainer)
{
    /// <summary>Reads the setting; empty means all.</summary>
    /// <exception cref="InvalidOperationException">It names an unknown role.</exception>
    public static Roles From(IConfiguration configuration)
    {
        var names = (configuration["Roles"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var unknown = names.Except(["portal", "platform", "trainer"], StringComparer.OrdinalIgnoreCase).FirstOrDefault();
        if (unknown is not null)
            throw new InvalidOperationException($"Roles names '{unknown}'. Use one or more of portal, platform, trainer.");

        bool Has(string role) => names.Length == 0 || names.Contains(role, StringComparer.OrdinalIgnoreCase);
        return new Roles(Has("portal"), Has("platform"), Has("trainer"));
    }
}
