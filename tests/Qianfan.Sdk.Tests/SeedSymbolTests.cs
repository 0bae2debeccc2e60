using System.Reflection;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>Every symbol of the seed's text stands in the table of docs/sdk.md, and what the table names there is in the library.</summary>
public sealed class SeedSymbolTests
{
    [Fact]
    public void Every_symbol_of_the_seed_is_in_the_table_once()
    {
        var table = Table().Select(r => r[0]).ToList();
        var seed = Seed();

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

    private static IReadOnlyList<string[]> Table() => DocsTable.Read("The seed's symbols and ours");

    /// <summary>Classes, constructor parameters as <c>Class(parameter)</c>, members and enumeration values as <c>Class.member</c>, functions: as the seed's text names them.</summary>
    private static HashSet<string> Seed()
    {
        using var stream = typeof(SeedSymbolTests).Assembly.GetManifestResourceStream("seed-symbols.txt").ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
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
}
