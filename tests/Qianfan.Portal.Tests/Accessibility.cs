using AngleSharp.Dom;

namespace Qianfan.Portal.Tests;

/// <summary>What a screen reader or a keyboard needs of a page and a machine can tell from its markup. It sees no colours and no focus.</summary>
public static class Accessibility
{
    private const string Controls = "button, a[href], input:not([type=hidden]), select, textarea, summary, progress, [role=button], [role=checkbox], [role=combobox], [role=tab], [role=progressbar], [role=radiogroup], [role=group], [role=dialog], [role=img], [tabindex='0']";
    private const string Interactive = "button, a[href], input:not([type=hidden]), select, textarea";

    /// <summary>What is wrong, each with the element; empty when nothing is.</summary>
    /// <param name="root">A page or a part of one.</param>
    public static IReadOnlyList<string> Faults(IParentNode root)
    {
        ArgumentNullException.ThrowIfNull(root);
        List<string> faults = [];
        var all = root.QuerySelectorAll("*");
        var ids = all.Where(e => !string.IsNullOrEmpty(e.Id)).ToLookup(e => e.Id!);

        foreach (var twice in ids.Where(same => same.Count() > 1))
            Tell("an id that is there twice", twice.Last());
        foreach (var element in all)
        {
            foreach (var reference in new[] { "aria-labelledby", "aria-describedby", "for" })
            {
                if (Words(element, reference).Any(id => !ids.Contains(id)))
                    Tell($"{reference} names nothing", element);
            }

            if (element.Matches(Controls) && !IsHidden(element) && Name(element).Length == 0)
                Tell("no name", element);
            if (element.Matches(Interactive) && element.QuerySelector(Interactive) is not null)
                Tell("a control in a control", element);
            if (element.Matches("img") && !element.HasAttribute("alt"))
                Tell("a picture without words", element);
            if (int.TryParse(element.GetAttribute("tabindex"), out var index) && index > 0)
                Tell("an order of its own", element);
            if (element.Matches("th") && Text(element).Length == 0)
                Tell("a header without words", element);
            if (element.Matches("table") && element.QuerySelector("th") is null)
                Tell("a table without headers", element);
            if (element.Matches("td") && element.Closest("table") is { } table && !table.QuerySelectorAll("th").Any(th => th.HasAttribute("scope") || th.Closest("thead") is not null))
                Tell("a cell without a header", element);
            if (element.Matches("ul, ol") && element.Children.Any(child => !child.Matches("li")))
                Tell("a list of something else than its items", element);
            if (element.Matches("dl") && (element.Children.Length == 0 || element.Children.Any(child => !child.Matches("dt, dd") && (!child.Matches("div") || child.Children.Any(term => !term.Matches("dt, dd"))))))
                Tell("a list of terms without terms", element);
        }

        var level = 0;
        // A dialog is apart from the page; MudBlazor gives its title the level 6.
        foreach (var heading in root.QuerySelectorAll("h1, h2, h3, h4, h5, h6").Where(heading => heading.Closest("[role=dialog]") is null))
        {
            var next = heading.LocalName[1] - '0';
            if (next > level + 1)
                Tell($"a heading of level {next} below one of level {level}", heading);
            level = next;
        }

        return faults;

        void Tell(string what, IElement element) => faults.Add($"{what}: {((IElement)element.Clone(deep: false)).OuterHtml}");

        string Name(IElement element)
        {
            var named = string.Join(' ', Words(element, "aria-labelledby").SelectMany(id => ids[id]).Select(Text));
            foreach (var name in new[] { element.GetAttribute("aria-label"), named, Labels(element), element.Matches("input, select, textarea, progress") ? null : Text(element), element.GetAttribute("title") })
            {
                if (!string.IsNullOrWhiteSpace(name))
                    return name;
            }

            return "";
        }

        string Labels(IElement element) =>
            string.Join(' ', (element.Closest("label") is { } around ? [around] : Array.Empty<IElement>()).Concat(string.IsNullOrEmpty(element.Id) ? [] : all.Where(e => e.GetAttribute("for") == element.Id)).Select(Text));
    }

    private static string[] Words(IElement element, string attribute) => element.GetAttribute(attribute)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    // MudBlazor's focus traps hand the focus on and are never heard.
    private static bool IsHidden(IElement element) => element.Closest("[aria-hidden=true], [hidden], .fixed.pointer-events-none") is not null;

    // What is hidden from screen readers names nothing; a picture does by its words.
    private static string Text(INode node) => node switch
    {
        IText text => text.Data.Trim(),
        IElement element when element.Matches("[aria-hidden=true], [hidden]") => "",
        IElement element when element.GetAttribute("aria-label") is { } label => label,
        IElement element when element.Matches("img") => element.GetAttribute("alt") ?? "",
        _ => string.Join(' ', node.ChildNodes.Select(Text).Where(text => text.Length > 0)),
    };
}
