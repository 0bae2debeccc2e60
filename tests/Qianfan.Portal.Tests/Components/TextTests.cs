using System.Globalization;
using System.Reflection;
using System.Resources;
using System.Text.RegularExpressions;

namespace Qianfan.Portal.Tests.Components;

public partial class TextTests
{
    private static readonly Assembly Portal = typeof(PortalOptions).Assembly;
    private static readonly CultureInfo Chinese = CultureInfo.GetCultureInfo("zh-CN");

    public static TheoryData<string> Resources => [.. Portal.GetManifestResourceNames().Where(n => n.EndsWith(".resources", StringComparison.Ordinal)).Select(n => n[..^".resources".Length])];

    [Theory]
    [MemberData(nameof(Resources))]
    public void Every_text_exists_in_both_languages_with_the_same_parameters(string resource)
    {
        var manager = new ResourceManager(resource, Portal);
        var english = Read(manager, CultureInfo.InvariantCulture);
        var chinese = Read(manager, Chinese);

        chinese.Keys.Order().ShouldBe(english.Keys.Order());
        english.Values.ShouldAllBe(text => text.Length > 0);
        chinese.Values.ShouldAllBe(text => text.Length > 0);
        foreach (var (key, text) in english)
            Parameters(chinese[key]).ShouldBe(Parameters(text), $"parameters of {key}");
    }

    [Theory]
    [MemberData(nameof(Resources))]
    public void Every_resource_belongs_to_a_class_of_its_name(string resource) => Portal.GetType(resource).ShouldNotBeNull();

    private static Dictionary<string, string> Read(ResourceManager manager, CultureInfo culture) =>
        manager.GetResourceSet(culture, createIfNotExists: true, tryParents: false)
            .ShouldNotBeNull($"{manager.BaseName} has no texts in '{culture.Name}'")
            .Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(e => (string)e.Key, e => (string)e.Value!);

    private static IEnumerable<string> Parameters(string text) => Parameter().Matches(text).Select(m => m.Value).Distinct().Order();

    [GeneratedRegex(@"\{\d+[^}]*\}")]
    private static partial Regex Parameter();
}
