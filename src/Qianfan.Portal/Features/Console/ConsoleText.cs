namespace Qianfan.Portal.Features.Console;

/// <summary>Marks the feature's texts: <c>IStringLocalizer&lt;ConsoleText&gt;</c>.</summary>
public sealed class ConsoleText;
