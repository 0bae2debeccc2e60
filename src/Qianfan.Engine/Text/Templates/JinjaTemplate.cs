using System.Text;

namespace Qianfan.Engine.Text.Templates;

/// <summary>The part of Jinja that chat templates are written in. Thread-safe.</summary>
/// <remarks>There is no well-kept library: .NET's template languages (Liquid, Scriban) are other languages, and a template that is read almost rightly gives a model's prompt almost rightly.</remarks>
internal sealed class JinjaTemplate
{
    private readonly Statement _body;

    /// <exception cref="TemplateException">It isn't Jinja, or uses what is not supported.</exception>
    public JinjaTemplate(string source) => _body = new TemplateParser(TemplateLexer.Read(source)).ReadAll();

    /// <summary>The text that the template makes of these values.</summary>
    /// <exception cref="TemplateException">It can't go on.</exception>
    /// <exception cref="TemplateRefusal">It refuses the values itself.</exception>
    public string Render(IReadOnlyDictionary<string, object?> values)
    {
        var scope = new TemplateScope(null, new TemplateBudget());
        foreach (var (name, function) in TemplateLibrary.Functions)
            scope.Set(name, function);
        foreach (var (name, value) in values)
            scope.Set(name, value);
        var output = new StringBuilder();
        _body(scope, output);
        return output.ToString();
    }
}

/// <summary>A piece of a template, ready to run.</summary>
internal delegate Flow Statement(TemplateScope scope, StringBuilder output);

internal delegate object? Expression(TemplateScope scope);

/// <summary>What comes after a statement.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}
