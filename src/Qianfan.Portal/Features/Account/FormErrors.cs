using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Localization;

namespace Qianfan.Portal.Features.Account;

/// <summary>What is wrong with a posted form, by field.</summary>
public sealed class FormErrors
{
    private readonly Dictionary<string, string> _byField = [];

    /// <summary>Sentence for the form as a whole; null for none.</summary>
    public string? Summary { get; set; }

    /// <summary>Whether anything is wrong.</summary>
    public bool Any => _byField.Count > 0 || Summary is not null;

    /// <summary>What is wrong with a field; null for nothing.</summary>
    public string? this[string field] => _byField.GetValueOrDefault(field);

    /// <summary>Adds a sentence, unless the field has one already.</summary>
    public void Add(string field, string message) => _byField.TryAdd(field, message);

    /// <summary>Complains about a field that is empty.</summary>
    public void Require(string field, string? value, string message)
    {
        if (string.IsNullOrWhiteSpace(value))
            Add(field, message);
    }

    /// <summary>Complains about a new password that won't do, and about a repetition that differs.</summary>
    public void RequireNewPassword(string? password, string? repeated, IStringLocalizer text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Require("Password", password, text["PasswordRequired"]);
        if (password != repeated)
            Add("Repeat", text["PasswordsDiffer"]);
    }

    /// <summary>Puts Identity's refusals beside the fields they are about.</summary>
    public void Add(IEnumerable<IdentityError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        foreach (var error in errors)
        {
            switch (error.Code)
            {
                case nameof(IdentityErrorDescriber.InvalidEmail) or nameof(IdentityErrorDescriber.DuplicateEmail):
                    Add("Email", error.Description);
                    break;
                case nameof(IdentityErrorDescriber.PasswordMismatch):
                    Add("Current", error.Description);
                    break;
                case var code when code.StartsWith("Password", StringComparison.Ordinal):
                    Add("Password", error.Description);
                    break;
                default:
                    Summary = error.Description;
                    break;
            }
        }
    }
}
