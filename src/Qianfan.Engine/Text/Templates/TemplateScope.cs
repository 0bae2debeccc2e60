using System.Text;

namespace Qianfan.Engine.Text.Templates;

/// <summary>Names and their values while a template runs. A loop or a macro has a scope of its own within that of its surroundings.</summary>
internal sealed class TemplateScope(TemplateScope? outer, TemplateBudget budget)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public TemplateBudget Budget { get; } = budget;

    public TemplateScope Inner() => new(this, Budget);

    public void Set(string name, object? value) => _values[name] = value;

    public object? Get(string name) => _values.TryGetValue(name, out var value) ? value : outer is null ? new Undefined(name) : outer.Get(name);
}

/// <summary>How much a template may do: it comes with a model, and nobody has promised that it ends.</summary>
internal sealed class TemplateBudget
{
    private const int MostSteps = 2_000_000;
    private const int MostCharacters = 64 << 20;
    private int _steps;

    /// <exception cref="TemplateException">It has done too much.</exception>
    public void Step()
    {
        if (++_steps > MostSteps)
            throw new TemplateException($"it takes more than {MostSteps} steps");
    }

    /// <exception cref="TemplateException">The text is too long.</exception>
    public static void Check(StringBuilder output)
    {
        if (output.Length > MostCharacters)
            throw new TemplateException($"it writes more than {MostCharacters} characters");
    }
}

/// <summary>What a name without a value stands for: it is false, and prints nothing.</summary>
internal sealed record Undefined(string Name);

/// <summary>An object whose members a template may set, even from within a loop.</summary>
internal sealed class TemplateNamespace : Dictionary<string, object?>
{
    public TemplateNamespace(IDictionary<string, object?> values)
        : base(values, StringComparer.Ordinal)
    {
    }
}

/// <summary>What can be called in a template.</summary>
/// <param name="arguments">Those without a name.</param>
/// <param name="named">Those with one.</param>
internal delegate object? TemplateFunction(IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named);
