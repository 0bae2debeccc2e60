using Microsoft.Extensions.Localization;
using MudBlazor;

namespace Qianfan.Portal.Components.Shared;

/// <summary>Marks the resources of MudBlazor's own texts.</summary>
public sealed class MudTexts;

/// <summary>MudBlazor's own texts in the reader's language.</summary>
internal sealed class TranslatedMudTexts(IStringLocalizer<MudTexts> text) : MudLocalizer
{
    public override LocalizedString this[string key] => text[key];

    public override LocalizedString this[string key, params object[] arguments] => text[key, arguments];
}
