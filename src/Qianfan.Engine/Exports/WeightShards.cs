using System.Text.Json;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Exports;

/// <summary>Writes a model's weights as safetensors: one file, or several with an index where they are larger than file systems and programs like.</summary>
internal sealed class WeightShards
{
    /// <summary>Most bytes of weights in one file: with its header it stays below the 4 GiB that FAT32 and plain zip entries end at.</summary>
    public const long MostBytes = 4_000_000_000;

    private readonly MergedWeights _weights;
    private readonly List<List<(string Name, long[] Shape)>> _shards = [[]];

    /// <param name="weights">The weights.</param>
    /// <param name="shardBytes">Most bytes of a file; a weight that is larger has a file of its own.</param>
    public WeightShards(MergedWeights weights, long shardBytes)
    {
        _weights = weights;
        long filled = 0;
        foreach (var weight in weights.Shape.Weights())
        {
            var bytes = Bytes(weight.Shape);
            if (filled > 0 && filled + bytes > shardBytes)
            {
                _shards.Add([]);
                filled = 0;
            }
            _shards[^1].Add(weight);
            filled += bytes;
        }
    }

    /// <summary>Writes all files into a folder and tells after each weight how many bytes are done.</summary>
    public void Write(string folder, Action<long, long> report)
    {
        long total = _shards.Sum(shard => shard.Sum(weight => Bytes(weight.Shape))), done = 0;
        for (var i = 0; i < _shards.Count; i++)
        {
            var writer = new SafetensorsWriter().Describe("format", "pt").Describe(_weights.Provenance);
            foreach (var (name, shape) in _shards[i])
            {
                writer.Add(name, shape, _weights.Shape.Format, consume =>
                {
                    consume(_weights.Read(name));
                    report(done += Bytes(shape), total);
                });
            }
            writer.Write(Path.Combine(folder, FileName(i)));
        }
        if (_shards.Count > 1)
            CheckpointFolder.WriteAtomically(Path.Combine(folder, WeightFiles.IndexFile), Index(total));
    }

    private string FileName(int shard) => _shards.Count == 1 ? WeightFiles.SingleFile : $"model-{shard + 1:00000}-of-{_shards.Count:00000}.safetensors";

    private string Index(long total)
    {
        var map = _shards.SelectMany((shard, i) => shard.Select(weight => (weight.Name, File: FileName(i))))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal)
            .ToDictionary(entry => entry.Name, entry => entry.File);
        return JsonSerializer.Serialize(new { metadata = new { total_size = total }, weight_map = map }, CheckpointFolder.Indented);
    }

    private long Bytes(long[] shape) => shape.Aggregate(_weights.Shape.Format == WeightFormat.F32 ? 4L : 2L, (product, size) => checked(product * size));
}
