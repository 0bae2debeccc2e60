using System.ComponentModel.DataAnnotations;

namespace Qianfan.Portal;

/// <summary>Settings of the section <c>Portal</c>. Each can be given in <c>appsettings.json</c>, as an environment variable (<c>Portal__DataDirectory</c>) or on the command line.</summary>
public sealed class PortalOptions
{
    public const string Section = "Portal";

    /// <summary>Where databases, uploads, checkpoints and models are kept. Empty: a folder <c>qianfan-portal</c> in the user's local application data.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>The address under which people and programs reach the portal; links and service addresses start with it. Empty: the first of <c>Urls</c>.</summary>
    public string PublicUrl { get; set; } = "";

    public DatabaseOptions Database { get; set; } = new();

    /// <summary>Largest dataset file in bytes.</summary>
    [Range(1024, long.MaxValue)]
    public long MaxUploadBytes { get; set; } = 1L << 30;

    /// <summary>How long an invitation link is good for.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "90.00:00:00")]
    public TimeSpan InvitationLifetime { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Wrong passwords in a row after which an account is locked.</summary>
    [Range(3, 100)]
    public int LockoutAttempts { get; set; } = 5;

    /// <summary>How long a locked account stays locked.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan LockoutDuration { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Runs of all projects whose pipelines are executed at the same time.</summary>
    [Range(1, 1000)]
    public int MaxParallelRuns { get; set; } = 50;

    public BootstrapOptions Bootstrap { get; set; } = new();
}

/// <summary>Which database the portal keeps its rows in.</summary>
public sealed class DatabaseOptions
{
    public DatabaseProvider Provider { get; set; } = DatabaseProvider.Sqlite;

    /// <summary>For PostgreSQL; SQLite lies in the data directory.</summary>
    public string ConnectionString { get; set; } = "";
}

/// <summary>Supported databases.</summary>
public enum DatabaseProvider
{
    Sqlite,
    PostgreSql,
}

/// <summary>Unattended set-up of an empty database; ignored, with a warning, on any other.</summary>
public sealed class BootstrapOptions
{
    public string Email { get; set; } = "";
    public string Password { get; set; } = "";
    public string Team { get; set; } = "";
    public string Project { get; set; } = "";

    /// <summary>An API key pair for the project; both or neither.</summary>
    public string AccessKey { get; set; } = "";
    public string SecretKey { get; set; } = "";
}
