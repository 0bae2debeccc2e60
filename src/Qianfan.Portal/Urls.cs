namespace Qianfan.Portal;

/// <summary>Every link of the portal is built here.</summary>
public static class Urls
{
    public const string Home = "/";
    public const string Setup = "/setup";
    public const string Login = "/account/login";
    public const string Logout = "/account/logout";
    public const string AccessDenied = "/account/denied";
    public const string Profile = "/account/profile";
    public const string ChangePassword = "/account/password";
    public const string NotFound = "/not-found";
    public const string Error = "/error";
    public const string Live = "/health/live";
    public const string Ready = "/health/ready";
    public const string Teams = "/teams";
    public const string AdminUsers = "/admin/users";
    public const string AdminQuotas = "/admin/quotas";
    public const string AdminAudit = "/admin/audit";

    public static string LoginAndReturn(string returnUrl) => $"{Login}?returnUrl={Uri.EscapeDataString(returnUrl)}";
    public static string Culture(string culture, string returnUrl) => $"/culture/{culture}?returnUrl={Uri.EscapeDataString(returnUrl)}";
    public static string Team(Guid teamId) => $"/teams/{teamId}";
    public static string Invitation(string token) => $"/invitations/{token}";
    public static string Project(Guid projectId) => $"/projects/{projectId}";
    public static string Datasets(Guid projectId) => $"/projects/{projectId}/datasets";
    public static string Dataset(Guid projectId, Guid datasetId) => $"/projects/{projectId}/datasets/{datasetId}";
    public static string DatasetUpload(Guid projectId) => $"/projects/{projectId}/datasets/upload";
    public static string Runs(Guid projectId) => $"/projects/{projectId}/runs";
    public static string Run(Guid projectId, Guid runId) => $"/projects/{projectId}/runs/{runId}";
    public static string Models(Guid projectId) => $"/projects/{projectId}/models";
    public static string Model(Guid projectId, Guid modelSetId) => $"/projects/{projectId}/models/{modelSetId}";
    public static string ModelExport(Guid projectId, Guid modelSetId, string exportId) => $"/projects/{projectId}/models/{modelSetId}/exports/{exportId}";
    public static string Services(Guid projectId) => $"/projects/{projectId}/services";
    public static string Service(Guid projectId, Guid serviceId) => $"/projects/{projectId}/services/{serviceId}";
    public static string Console(Guid projectId, Guid? serviceId = null) => $"/projects/{projectId}/console" + (serviceId is { } id ? $"?service={id}" : "");
    public static string ConsoleChat(Guid projectId) => $"/projects/{projectId}/console/chat";
    public static string ApiKeys(Guid projectId) => $"/projects/{projectId}/keys";
    public static string Connections(Guid projectId) => $"/projects/{projectId}/connections";
    public static string Usage(Guid projectId, int? days = null) => $"/projects/{projectId}/usage" + (days is { } span ? $"?days={span}" : "");
    public static string Audit(Guid projectId) => $"/projects/{projectId}/audit";
}
