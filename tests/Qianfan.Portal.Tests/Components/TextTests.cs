using System.Globalization;
using System.Reflection;
using System.Resources;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Datasets;

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
    public void A_number_never_stands_before_a_word_that_may_be_wrong_for_it(string resource)
    {
        var manager = new ResourceManager(resource, Portal);

        Read(manager, CultureInfo.InvariantCulture).Values.ShouldAllBe(text => !text.Contains("(s)", StringComparison.Ordinal));
        Read(manager, Chinese).Values.ShouldAllBe(text => !Plural().IsMatch(text));
    }

    [Theory]
    [InlineData("en", 0, "Its 0 rows are deleted")]
    [InlineData("en", 1, "Its 1 row is deleted")]
    [InlineData("en", 1200, "Its 1,200 rows are deleted")]
    [InlineData("zh-CN", 1, "其中的 1 行数据")]
    public void Words_follow_their_numbers(string culture, int rows, string said)
    {
        var before = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = CultureInfo.GetCultureInfo(culture);
            using var services = new ServiceCollection().AddLogging().AddTexts().BuildServiceProvider();
            var text = services.GetRequiredService<IStringLocalizer<DatasetsText>>();

            text["Delete_Text", rows].Value.ShouldStartWith(said);
            text["Delete_Text", (long)rows].Value.ShouldStartWith(said);
            text["Delete_Title", "1 {0:x}"].Value.ShouldContain("1 {0:x}");
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = before;
        }
    }

    [Theory]
    [MemberData(nameof(Resources))]
    public void Every_resource_belongs_to_a_class_of_its_name(string resource) => Portal.GetType(resource).ShouldNotBeNull();

    private static Dictionary<string, string> Read(ResourceManager manager, CultureInfo culture) =>
        manager.GetResourceSet(culture, createIfNotExists: true, tryParents: false)
            .ShouldNotBeNull($"{manager.BaseName} has no texts in '{culture.Name}'")
            .Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(e => (string)e.Key, e => (string)e.Value!);

    private static IEnumerable<string> Parameters(string text) => Parameter().Matches(Plural().Replace(text, "")).Select(m => m.Value).Distinct().Order();

    /// <summary>One word or the other, of which Chinese needs none.</summary>
    [GeneratedRegex(@"\{\d+:[^}|]*\|[^}]*\}")]
    private static partial Regex Plural();

    [GeneratedRegex(@"\{\d+[^}]*\}")]
    private static partial Regex Parameter();
}
