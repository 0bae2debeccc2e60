using Microsoft.Extensions.Localization;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components.Shared;

/// <summary>The sentence for a <see cref="UserErrorException"/> in the reader's language. Thread-safe.</summary>
public sealed class UserErrorText(IStringLocalizer<SharedText> shared)
{
    /// <summary>Looks the code up in the feature's texts, then in the shared ones.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="feature">Texts of the page's feature, if it has sentences of its own.</param>
    public string Of(UserErrorException error, IStringLocalizer? feature = null)
    {
        var key = $"Error_{error.Code}";
        object[] arguments = [.. error.Arguments];
        if (feature?[key, arguments] is { ResourceNotFound: false } own)
            return own.Value;
        return shared[key, arguments] is { ResourceNotFound: false } common ? common.Value : shared["Error_Unknown", error.Code];
    }
}
