using System.Globalization;

namespace Qianfan.Benchmarks;

/// <summary>The command line: an area, names of measures, and options with a number.</summary>
internal sealed class Arguments
{
    private readonly HashSet<string> _measures = [];
    private readonly Dictionary<string, int> _options = [];

    public Arguments(IReadOnlyList<string> args)
    {
        Area = args.Count > 0 ? args[0] : "";
        for (var i = 1; i < args.Count; i++)
        {
            if (args[i].StartsWith("--", StringComparison.Ordinal))
            {
                _options[args[i][2..]] = i + 1 < args.Count ? int.Parse(args[++i], CultureInfo.InvariantCulture) : throw new ArgumentException($"{args[i]} needs a number.");
            }
            else
            {
                _measures.Add(args[i]);
            }
        }
    }

    public string Area { get; }

    /// <summary>Without names, all are wanted.</summary>
    public bool Wants(string measure) => _measures.Count == 0 || _measures.Contains(measure);

    /// <summary>For what takes long: only by its name.</summary>
    public bool Names(string measure) => _measures.Contains(measure);

    public int Option(string name, int otherwise) => _options.GetValueOrDefault(name, otherwise);
}
