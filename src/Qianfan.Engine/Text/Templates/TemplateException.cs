namespace Qianfan.Engine.Text.Templates;

/// <summary>A template can't be read or can't go on.</summary>
internal class TemplateException(string message) : Exception(message);

/// <summary>The template itself refuses what it was given (<c>raise_exception</c>).</summary>
internal sealed class TemplateRefusal(string message) : TemplateException(message);
