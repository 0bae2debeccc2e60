namespace Qianfan.Portal.Tests.Security;

/// <summary>What each kind of caller gets from an endpoint: status codes, asked like a browser asks (302 is the way to the login).</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Pattern">Route pattern as mapped, without the leading slash.</param>
/// <param name="Anonymous">Nobody signed in.</param>
/// <param name="Stranger">Owner of another team.</param>
/// <param name="Viewer">Viewer of the team.</param>
/// <param name="Member">Member of the team.</param>
/// <param name="Owner">Owner of the team (and no admin).</param>
public sealed record Access(string Method, string Pattern, int Anonymous, int Stranger, int Viewer, int Member, int Owner);

/// <summary>Every endpoint of the portal. Whoever maps one adds its row; requests carry no body and no antiforgery token, and ids other than the project's lead to nothing.</summary>
public static class AccessTable
{
    public static IReadOnlyList<Access> Rows { get; } =
    [
        // Open to everybody, because nobody has an account yet or is about to sign in.
        Open("GET", "setup", 302),
        Open("GET", "account/login", 200),
        Open("GET", "invitations/{Token}", 200),
        Open("GET", "not-found", 200),
        Open("GET", "error", 200),
        Open("GET", "theme.css", 200),
        Open("GET", "culture/{culture}", 302),
        Open("GET", "health/live", 200),
        Open("GET", "health/ready", 200),
        Open("GET", "openapi", 200),
        Open("GET", "openapi/platform.json", 200),

        // For whoever is signed in: what they show is theirs.
        SignedIn("GET", ""),
        SignedIn("GET", "teams"),
        SignedIn("GET", "teams/{TeamId:guid}"),
        SignedIn("GET", "account/logout"),
        SignedIn("GET", "account/profile"),
        SignedIn("GET", "account/password"),
        SignedIn("GET", "account/denied"),

        // For admins alone; signed in without the role leads to the page that says so.
        new("GET", "admin/users", 302, 302, 302, 302, 302),
        new("GET", "admin/quotas", 302, 302, 302, 302, 302),
        new("GET", "admin/audit", 302, 302, 302, 302, 302),

        // Pages of a project: they exist for its team alone.
        Page("projects/{ProjectId:guid}"),
        Page("projects/{ProjectId:guid}/connections"),
        Page("projects/{ProjectId:guid}/keys"),
        Page("projects/{ProjectId:guid}/audit"),
        Page("projects/{ProjectId:guid}/usage"),
        Page("projects/{ProjectId:guid}/runs"),
        Page("projects/{ProjectId:guid}/runs/{RunId:guid}"),

        Page("projects/{ProjectId:guid}/datasets"),
        Page("projects/{ProjectId:guid}/datasets/{DatasetId:guid}"),
        Page("projects/{ProjectId:guid}/models"),
        Page("projects/{ProjectId:guid}/models/{ModelSetId:guid}"),
        Page("projects/{ProjectId:guid}/services"),
        Page("projects/{ProjectId:guid}/services/{ServiceId:guid}"),
        Page("projects/{ProjectId:guid}/console"),

        // Without the header that the page's script sends, not even the team gets further.
        new("POST", "projects/{projectId:guid}/datasets/upload", 302, 404, 400, 400, 400),
        new("POST", "projects/{projectId:guid}/console/chat", 302, 404, 400, 400, 400),

        // Nor does the model.
        new("GET", "projects/{projectId:guid}/models/{modelSetId:guid}/exports/{exportId}", 302, 404, 404, 404, 404),

        // The run does not exist, so its stream doesn't either: not for its team, and still less for another.
        new("GET", "projects/{projectId:guid}/runs/{runId:guid}/events", 302, 404, 404, 404, 404),

        // The hub wants a connection first, and looks at each group that somebody joins.
        new("GET", "hubs/runs", 302, 400, 400, 400, 400),
        new("GET", "hubs/runs/negotiate", 302, 405, 405, 405, 405),
    ];

    private static Access Open(string method, string pattern, int status) => new(method, pattern, status, status, status, status, status);

    private static Access SignedIn(string method, string pattern) => new(method, pattern, 302, 200, 200, 200, 200);

    private static Access Page(string pattern) => new("GET", pattern, 302, 404, 200, 200, 200);
}
