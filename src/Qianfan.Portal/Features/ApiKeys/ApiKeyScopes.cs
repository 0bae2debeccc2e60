using Qianfan.Platform;

namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>What people can choose that a key may do.</summary>
public static class ApiKeyScopes
{
    /// <summary>Everything.</summary>
    public const KeyScopes Full = KeyScopes.Inference | KeyScopes.Read | KeyScopes.Write;

    /// <summary>Look and call models, but create and delete nothing.</summary>
    public const KeyScopes ReadOnly = KeyScopes.Inference | KeyScopes.Read;

    /// <summary>Call models, and nothing else: for a program that brings its key along.</summary>
    public const KeyScopes Inference = KeyScopes.Inference;

    /// <summary>The choices, with the names of their texts.</summary>
    public static IReadOnlyList<(KeyScopes Scopes, string Name)> Choices { get; } = [(Full, nameof(Full)), (ReadOnly, nameof(ReadOnly)), (Inference, nameof(Inference))];

    /// <summary>The name of a choice's text.</summary>
    public static string Name(KeyScopes scopes) => Choices.Single(choice => choice.Scopes == scopes).Name;
}
