using System.Reflection;
using System.Text.RegularExpressions;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>Every symbol of the seed's text stands in the table of docs/sdk.md, and what the table names there is in the library.</summary>
public sealed partial class SeedSymbolTests
{
    [Fact]
    public void Every_symbol_of_the_seed_is_in_the_table_once()
    {
        var table = Table().Select(r => r[0]).ToList();
        var seed = Symbols(SeedText());

        seed.Count.ShouldBe(161);
        seed.Except(table).ShouldBeEmpty();
        table.GroupBy(s => s).Where(g => g.Count() > 1).Select(g => g.Key).ShouldBeEmpty();
    }

    [Fact]
    public void What_the_table_names_exists() => Table().Where(r => !Exists(r[1])).Select(r => $"{r[0]} -> {r[1]}").ShouldBeEmpty();

    [Theory]
    [InlineData("TrainAction", true)]
    [InlineData("TrainAktion", false)]
    [InlineData("TrainAction.JobId", true)]
    [InlineData("TrainAction.State", true)]
    [InlineData("TrainAction.ActionEventAsync", true)]
    [InlineData("TrainAction._jobId", false)]
    [InlineData("TrainAction.Api", false)]
    [InlineData("TrainAction(trainMode)", true)]
    [InlineData("TrainAction(trainMood)", false)]
    [InlineData("IExecutable.ExecAsync", true)]
    [InlineData("ActionState.Done", true)]
    [InlineData("ActionState.Gone", false)]
    public void The_check_tells_what_exists_from_what_does_not(string symbol, bool exists) => Exists(symbol).ShouldBe(exists);

    [Fact]
    public void The_symbols_are_read_word_by_word()
    {
        const string text = """
            - class qianfan.trainer.Thing(id: Optional[int] = None, *, kinds: Dict[str, int] = {}, **kwargs: Any)[source]
            Bases:
            BaseModel- first: str
            - second: Optional[int] = None
            - Parameters:
            - second (int, optional):
            - abstract exec(input: Any) Any
            - property status: str
            - output:
            - class qianfan.trainer.consts.Kind(value, names=None)[source]
            Bases:
            str,Enum- One = 'One'
            - Two = 'Two'
            - qianfan.trainer.event.dispatch(event: Event) None[source]
            - event (Event):
            """;

        Symbols(text).ShouldBe(["Thing", "Thing(id)", "Thing(kinds)", "Thing.first", "Thing.second", "Thing.exec", "Thing.status", "Kind", "Kind.One", "Kind.Two", "dispatch"], ignoreOrder: true);
    }

    private static IReadOnlyList<string[]> Table() => DocsTable.Read("The seed's symbols and ours");

    private static string SeedText()
    {
        using var stream = typeof(SeedSymbolTests).Assembly.GetManifestResourceStream("qianfan-trainer-api.txt").ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Classes, constructor parameters as <c>Class(parameter)</c>, members and enumeration values as <c>Class.member</c>, functions.</summary>
    private static HashSet<string> Symbols(string text)
    {
        var symbols = new HashSet<string>();
        string? type = null;
        var previous = "";
        foreach (var whole in text.Split('\n').Select(l => l.Trim()))
        {
            // The first member is glued to the list of base classes.
            var line = previous == "Bases:" && FirstMember().Match(whole) is { Success: true } glued ? glued.Groups[1].Value : whole;
            previous = whole;
            if (Class().Match(line) is { Success: true } found)
            {
                type = found.Groups[1].Value;
                symbols.Add(type);
                symbols.UnionWith(Parameters(found.Groups[2].Value).Select(p => $"{type}({p})"));
            }
            else if (Function().Match(line) is { Success: true } function)
            {
                type = null;
                symbols.Add(function.Groups[1].Value);
            }
            else if (type is not null && Member().Match(line) is { Success: true } member)
            {
                symbols.Add($"{type}.{member.Groups.Cast<Group>().Skip(1).First(g => g.Success).Value}");
            }
        }

        return symbols;
    }

    /// <summary>Names before the colons that lie outside of all brackets. Those of enumerations are Python's own and have no types.</summary>
    private static IEnumerable<string> Parameters(string list)
    {
        var (depth, start) = (0, 0);
        for (var i = 0; i <= list.Length; i++)
        {
            depth += i < list.Length ? list[i] switch { '[' or '(' or '{' => 1, ']' or ')' or '}' => -1, _ => 0 } : 0;
            if (i == list.Length || (list[i] == ',' && depth == 0))
            {
                if (Parameter().Match(list[start..i]) is { Success: true } parameter)
                {
                    yield return parameter.Groups[1].Value;
                }

                start = i + 1;
            }
        }
    }

    private static bool Exists(string symbol)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;
        var name = symbol.Split('.', '(')[0];
        var type = typeof(Trainer).Assembly.GetExportedTypes().FirstOrDefault(t => t.Name.Split('`')[0] == name);
        return type is not null && symbol[name.Length..] switch
        {
            "" => true,
            ['(', .. var parameter] => type.GetConstructors(All).Where(IsVisible).Any(c => c.GetParameters().Any(p => $"{p.Name})" == parameter)),
            ['.', .. var member] => type.GetMember(member, All).Any(IsVisible),
            _ => false,
        };
    }

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        PropertyInfo property => property.GetMethod is { } get && IsVisible(get),
        _ => false,
    };

    [GeneratedRegex(@"^- class qianfan\.[\w.]*?(\w+)(?:\((.*)\))?\[source\]$")]
    private static partial Regex Class();

    [GeneratedRegex(@"^- qianfan\.[\w.]*?(\w+)\(")]
    private static partial Regex Function();

    [GeneratedRegex(@"^[\w\[\],.]+(- .*)$")]
    private static partial Regex FirstMember();

    [GeneratedRegex(@"^- (?:([A-Z]\w*) = '|(?:property )?([a-z_]\w*): \S|(?:abstract )?([a-z_]\w*)\()")]
    private static partial Regex Member();

    [GeneratedRegex(@"^\s*([a-z_]\w*)\s*:")]
    private static partial Regex Parameter();
}
