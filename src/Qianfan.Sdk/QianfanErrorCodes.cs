namespace Qianfan.Sdk;

/// <summary>The platform's error codes, as <see cref="QianfanApiException.Code"/> gives them. Other codes may come.</summary>
/// <remarks>Seed: <c>qianfan.consts.APIErrorCode</c>.</remarks>
public static class QianfanErrorCodes
{
    /// <summary>Unknown error.</summary>
    public const string Unknown = "1";

    /// <summary>Service temporarily unavailable. Repeated by inference calls.</summary>
    public const string ServiceUnavailable = "2";

    /// <summary>Unknown endpoint.</summary>
    public const string UnsupportedMethod = "3";

    /// <summary>Limit of requests reached.</summary>
    public const string RequestLimit = "4";

    /// <summary>No permission to access data.</summary>
    public const string NoPermission = "6";

    /// <summary>The service's token could not be had.</summary>
    public const string GetServiceTokenFailed = "13";

    /// <summary>The signature of a V1 inference call was refused.</summary>
    public const string IamCertificationFailed = "14";

    /// <summary>The application does not exist. Repeated by inference calls.</summary>
    public const string AppNotExist = "15";

    /// <summary>Limit of the day reached, or the service is not paid.</summary>
    public const string DailyLimit = "17";

    /// <summary>Requests a second. Repeated.</summary>
    public const string QueriesPerSecond = "18";

    /// <summary>Limit of all requests reached.</summary>
    public const string TotalRequestLimit = "19";

    /// <summary>Bad parameter, such as a bad access token.</summary>
    public const string InvalidRequest = "100";

    /// <summary>Access token unknown or no longer valid. Renewed once.</summary>
    public const string AccessTokenInvalid = "110";

    /// <summary>Access token expired. Renewed once.</summary>
    public const string AccessTokenExpired = "111";

    /// <summary>Internal error.</summary>
    public const string InternalError = "336000";

    /// <summary>Bad argument.</summary>
    public const string InvalidArgument = "336001";

    /// <summary>Bad JSON.</summary>
    public const string InvalidJson = "336002";

    /// <summary>Bad parameter; the message says which.</summary>
    public const string InvalidParameter = "336003";

    /// <summary>Not allowed.</summary>
    public const string PermissionError = "336004";

    /// <summary>No such interface.</summary>
    public const string ApiNameNotExist = "336005";

    /// <summary>The number of messages must be odd.</summary>
    public const string InvalidMessages = "336006";

    /// <summary>High load. Repeated.</summary>
    public const string ServerHighLoad = "336100";

    /// <summary>Wrong HTTP method.</summary>
    public const string InvalidHttpMethod = "336101";

    /// <summary>Bad <c>system</c>.</summary>
    public const string InvalidSystem = "336104";

    /// <summary>Bad <c>user_setting</c>.</summary>
    public const string InvalidUserSetting = "336105";

    /// <summary>Requests a minute. Repeated by inference calls.</summary>
    public const string RequestsPerMinute = "336501";

    /// <summary>Tokens a minute. Repeated by inference calls.</summary>
    public const string TokensPerMinute = "336502";

    /// <summary>Requests a minute (V2). Repeated by inference calls.</summary>
    public const string RequestsPerMinuteV2 = "rpm_rate_limit_exceeded";

    /// <summary>Tokens a minute (V2). Repeated by inference calls.</summary>
    public const string TokensPerMinuteV2 = "tpm_rate_limit_exceeded";

    /// <summary>Internal error of the console. Repeated by console calls that create nothing.</summary>
    public const string ConsoleInternalError = "500000";

    /// <summary>Bad parameter of a console call.</summary>
    public const string ConsoleInvalidParameter = "500001";

    /// <summary>No access to the console.</summary>
    public const string ConsoleNoAccess = "500002";

    /// <summary>The dataset has too few rows (at least 32).</summary>
    public const string DatasetTooSmall = "510101";

    /// <summary>The dataset can't be trained on as it is.</summary>
    public const string DatasetConfig = "510102";

    /// <summary>There is a task of that name.</summary>
    public const string TaskNameExists = "510201";

    /// <summary>There is no such task.</summary>
    public const string TaskNotFound = "510202";

    /// <summary>Too many tasks.</summary>
    public const string TooManyTasks = "510203";

    /// <summary>There is no such job.</summary>
    public const string JobNotFound = "510301";

    /// <summary>The job is in no state for this.</summary>
    public const string JobState = "510302";

    /// <summary>Bad configuration of the training.</summary>
    public const string TrainConfig = "510401";

    /// <summary>Too many trainings.</summary>
    public const string TooManyJobs = "510402";

    /// <summary>Not enough quota.</summary>
    public const string NotEnoughQuota = "510403";

    /// <summary>The job can't be trained further.</summary>
    public const string NoIncrementalTraining = "510404";

    /// <summary>The console's word for a parameter that it can't use (V2).</summary>
    public const string InappropriateJson = "InappropriateJSON";

    /// <summary>Unknown application key, or a wrong secret (OAuth).</summary>
    public const string InvalidClient = "invalid_client";

    internal static bool IsRateLimit(string code) =>
        code is RequestLimit or DailyLimit or QueriesPerSecond or TotalRequestLimit or RequestsPerMinute or TokensPerMinute or RequestsPerMinuteV2 or TokensPerMinuteV2 or "rate_limit_exceeded";

    // 100 is what the cloud answers to an access token that is no token at all; it is no matter of renewal.
    internal static bool IsAuthentication(string code) =>
        code is GetServiceTokenFailed or IamCertificationFailed or AccessTokenInvalid or AccessTokenExpired or ConsoleNoAccess or InvalidClient or "invalid_iam_token";
}
