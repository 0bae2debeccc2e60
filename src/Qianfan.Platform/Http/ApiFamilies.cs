using Microsoft.AspNetCore.Http;

namespace Qianfan.Platform.Http;

/// <summary>The APIs that the platform speaks, each with its own error answer.</summary>
internal static class ApiFamilies
{
    private const string InsufficientQuota = "insufficient_quota";

    public static ApiFamily ConsoleV1 { get; } = new ConsoleV1Family();

    public static ApiFamily DatasetV1 { get; } = new DatasetV1Family();

    public static ApiFamily ConsoleV2 { get; } = new ConsoleV2Family();

    public static ApiFamily InferenceV1 { get; } = new InferenceV1Family();

    public static ApiFamily InferenceV2 { get; } = new InferenceV2Family();

    public static ApiFamily OpenAI { get; } = new OpenAIFamily();

    public static ApiFamily OAuth { get; } = new OAuthFamily();

    /// <summary>IAM says in two headers what is wrong with a signature; clients look there.</summary>
    public static void AddIamHeaders(HttpContext context, PlatformException error)
    {
        var code = error.Error switch
        {
            PlatformError.NotAuthenticated => "AccessDenied",
            PlatformError.UnknownKey => "NotFound",
            PlatformError.SignatureMismatch => "SignatureDoesNotMatch",
            _ => null,
        };
        if (code is null) return;
        context.Response.Headers["X-Bce-Error-Code"] = code;
        context.Response.Headers["X-Bce-Error-Message"] = error.Message;
    }

    /// <summary>An id for this answer, to be found in the log.</summary>
    public static string RequestId() => Guid.NewGuid().ToString();

    private static int ConsoleCode(PlatformException error) => error.ConsoleCode ?? error.Error switch
    {
        PlatformError.InvalidToken => 110,
        PlatformError.ExpiredToken => 111,
        PlatformError.Internal => 500000,
        PlatformError.Unavailable or PlatformError.Overloaded => 336100,
        PlatformError.QuotaExceeded or PlatformError.StorageExceeded => 4,
        PlatformError.Forbidden or PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch => 500002,
        PlatformError.UnknownRoute or PlatformError.MethodNotAllowed => 3,
        _ => 500001,
    };

    /// <summary>A wrong key is an HTTP failure even where other errors are answered with status 200.</summary>
    private static int ConsoleStatus(PlatformException error) => error.Error switch
    {
        PlatformError.NotAuthenticated => 401,
        PlatformError.UnknownKey or PlatformError.SignatureMismatch or PlatformError.Forbidden => 403,
        PlatformError.UnknownRoute => 404,
        PlatformError.MethodNotAllowed => 405,
        PlatformError.TooLarge or PlatformError.StorageExceeded => 413,
        _ => 200,
    };

    private sealed class ConsoleV1Family : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V1;

        public override bool TakesAccessToken => true;

        public override object ErrorBody(PlatformException error)
        {
            return new { log_id = RequestId(), error_code = ConsoleCode(error), error_msg = error.Message };
        }

        protected override int ErrorStatus(PlatformException error) => ConsoleStatus(error);
    }

    private sealed class DatasetV1Family : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V1;

        public override bool TakesAccessToken => true;

        public override object ErrorBody(PlatformException error)
        {
            return new { log_id = RequestId(), status = 400, success = false, code = ConsoleCode(error), message = error.Message };
        }

        protected override int ErrorStatus(PlatformException error) => ConsoleStatus(error);
    }

    private sealed class ConsoleV2Family : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V2;

        public override bool TakesAccessToken => true;

        public override object ErrorBody(PlatformException error)
        {
            var code = error.Error switch
            {
                PlatformError.MalformedJson or PlatformError.InvalidArgument or PlatformError.InvalidMessages or PlatformError.ContextLength => "InappropriateJSON",
                PlatformError.NotAuthenticated => "AccessDenied",
                PlatformError.UnknownKey => "InvalidAccessKeyId",
                PlatformError.SignatureMismatch or PlatformError.InvalidToken or PlatformError.ExpiredToken => "SignatureDoesNotMatch",
                PlatformError.Forbidden => "AccessDenied",
                PlatformError.NotFound or PlatformError.UnknownModel => "ResourceNotFound",
                PlatformError.UnknownRoute => "InvalidAction",
                PlatformError.MethodNotAllowed => "MethodNotAllowed",
                PlatformError.Conflict => "OperationConflict",
                PlatformError.TooLarge => "EntityTooLarge",
                PlatformError.QuotaExceeded or PlatformError.StorageExceeded => "QuotaExceeded",
                PlatformError.NotSupported => "NotSupported",
                PlatformError.Unavailable => "ServiceUnavailable",
                _ => "InternalError",
            };
            return new { requestId = RequestId(), code, message = error.Message };
        }
    }

    private sealed class InferenceV1Family : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V1;

        public override bool TakesAccessToken => true;

        public override object ErrorBody(PlatformException error)
        {
            var code = error.Error switch
            {
                PlatformError.MalformedJson => 336002,
                PlatformError.InvalidMessages => 336006,
                PlatformError.InvalidArgument or PlatformError.ContextLength => 336003,
                PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch => 14,
                PlatformError.InvalidToken => 110,
                PlatformError.ExpiredToken => 111,
                PlatformError.RequestLimit => 336501,
                PlatformError.TokenLimit => 336502,
                PlatformError.QuotaExceeded => 19,
                PlatformError.Forbidden => 6,
                PlatformError.Unavailable or PlatformError.Overloaded => 336100,
                PlatformError.Internal => 336000,
                PlatformError.MethodNotAllowed => 336101,
                _ => 3,
            };
            return new { error_code = code, error_msg = error.Message, id = "as-" + RequestId() };
        }

        // V1 inference clients read the error from a body of status 200.
        protected override int ErrorStatus(PlatformException error) => 200;
    }

    private sealed class InferenceV2Family : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V2;

        public override object ErrorBody(PlatformException error)
        {
            var code = error.Error switch
            {
                PlatformError.MalformedJson => "malformed_json",
                PlatformError.InvalidMessages => "invalid_messages",
                PlatformError.ContextLength => "tokens_too_long",
                PlatformError.UnknownModel => "invalid_model",
                PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch => "invalid_iam_token",
                PlatformError.Forbidden => "no_parameter_permission",
                PlatformError.RequestLimit => "rpm_rate_limit_exceeded",
                PlatformError.TokenLimit => "tpm_rate_limit_exceeded",
                PlatformError.QuotaExceeded => InsufficientQuota,
                PlatformError.Overloaded => "server_high_load",
                PlatformError.Unavailable => "service_unavailable",
                PlatformError.Internal => "internal_error",
                PlatformError.NotFound or PlatformError.UnknownRoute => "not_found",
                PlatformError.MethodNotAllowed => "method_not_allowed",
                _ => "invalid_argument",
            };
            var type = error.Status switch
            {
                401 or 403 => "access_denied",
                429 => "rate_limit_exceeded",
                >= 500 => "server_error",
                _ => "invalid_request_error",
            };
            return new { error = new { code, message = error.Message, type }, id = "as-" + RequestId() };
        }
    }

    private sealed class OpenAIFamily : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.OpenAI;

        public override System.Text.Json.JsonSerializerOptions Requests => PlatformJson.StrictRequests;

        public override object ErrorBody(PlatformException error)
        {
            string? code = error.Error switch
            {
                PlatformError.NotAuthenticated or PlatformError.UnknownKey or PlatformError.SignatureMismatch => "invalid_api_key",
                PlatformError.UnknownModel => "model_not_found",
                PlatformError.UnknownRoute => "unknown_url",
                PlatformError.MethodNotAllowed => "method_not_supported",
                PlatformError.ContextLength => "context_length_exceeded",
                PlatformError.RequestLimit or PlatformError.TokenLimit or PlatformError.Overloaded => "rate_limit_exceeded",
                PlatformError.QuotaExceeded or PlatformError.StorageExceeded => InsufficientQuota,
                _ => null,
            };
            var type = error.Error switch
            {
                PlatformError.RequestLimit or PlatformError.Overloaded => "requests",
                PlatformError.TokenLimit => "tokens",
                PlatformError.QuotaExceeded or PlatformError.StorageExceeded => InsufficientQuota,
                _ => error.Status >= 500 ? "server_error" : error.Status == 403 ? "permission_error" : "invalid_request_error",
            };
            return new { error = new { message = error.Message, type, param = error.Parameter, code } };
        }

        // Official clients try a 409 again and again, which helps nobody here.
        protected override int ErrorStatus(PlatformException error) => error.Error == PlatformError.Conflict ? 400 : base.ErrorStatus(error);

        // Official clients hand this id to their users.
        protected override void Mark(HttpContext context) => context.Response.Headers["x-request-id"] = "req_" + Guid.NewGuid().ToString("N");
    }

    /// <summary>OAuth's own errors.</summary>
    private sealed class OAuthFamily : ApiFamily
    {
        public override ApiGeneration Generation => ApiGeneration.V1;

        public override object ErrorBody(PlatformException error)
        {
            var code = error.Error switch
            {
                PlatformError.UnknownKey or PlatformError.SignatureMismatch => "invalid_client",
                PlatformError.NotSupported => "unsupported_grant_type",
                PlatformError.Internal => "server_error",
                _ => "invalid_request",
            };
            return new { error = code, error_description = error.Message };
        }
    }
}
