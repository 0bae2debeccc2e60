using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Audit;

/// <summary>Tells audit entries as sentences in the reader's language. Thread-safe.</summary>
public sealed class AuditSentences(IStringLocalizer<AuditText> text, IStringLocalizer<SharedText> shared)
{
    /// <summary>Actions that happen in teams.</summary>
    public static IReadOnlyList<string> OfTeams { get; } =
        [.. All().Where(a => !a.StartsWith("user.", StringComparison.Ordinal) && a is not (AuditActions.SetupDone or AuditActions.TeamDeleted))];

    /// <summary>Actions that are no team's business.</summary>
    public static IReadOnlyList<string> OfSystem { get; } =
        [.. All().Where(a => a.StartsWith("user.", StringComparison.Ordinal) || a.StartsWith("team.", StringComparison.Ordinal) || a is AuditActions.SetupDone)];

    /// <summary>What an action is called in a list of choices.</summary>
    public string NameOf(string action) => text[$"Name_{action}"] is { ResourceNotFound: false } name ? name.Value : action;

    /// <summary>What happened. Sentences may name the subject as {0} and parameters in the order from, to, role, accessKey, kind, reason, scopes as {1} to {7}.</summary>
    public string Of(AuditRow entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var sentence = text[$"Say_{entry.Action}", entry.SubjectName ?? "", Value("from"), Value("to"), Value("role"), Value("accessKey"), Value("kind"), Value("reason"), Scopes()];
        return sentence.ResourceNotFound ? $"{entry.Action}: {entry.SubjectName}" : sentence.Value;

        string Value(string name) => entry.Parameters.TryGetValue(name, out var value)
            ? shared[$"Role_{value}"] is { ResourceNotFound: false } role ? role.Value : value
            : "";

        // Entries from before keys had scopes say nothing of them.
        string Scopes() => entry.Parameters.TryGetValue("scopes", out var scopes) ? text["KeyScopes", scopes] : "";
    }

    /// <summary>Every action there is.</summary>
    public static IEnumerable<string> All() =>
        typeof(AuditActions).GetFields().Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!);
}
