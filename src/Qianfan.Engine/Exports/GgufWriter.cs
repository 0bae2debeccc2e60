using System.Text;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Exports;

/// <summary>Writes a GGUF file (version 3), which llama.cpp and Ollama open. Tensors are asked for one at a time.</summary>
internal sealed class GgufWriter
{
    private const int Alignment = 32;
    private readonly List<(string Key, Action<BinaryWriter> Write)> _values = [];
    private readonly List<(string Name, long[] Shape, GgufType Type, Func<float[]> Read)> _tensors = [];

    private enum Kind
    {
        Unsigned32 = 4,
        Signed32 = 5,
        Float32 = 6,
        Truth = 7,
        Text = 8,
        Array = 9,
    }

    public void Add(string key, string value) => Add(key, Kind.Text, writer => Text(writer, value));

    public void Add(string key, int value) => Add(key, Kind.Unsigned32, writer => writer.Write((uint)value));

    public void Add(string key, double value) => Add(key, Kind.Float32, writer => writer.Write((float)value));

    public void Add(string key, bool value) => Add(key, Kind.Truth, writer => writer.Write(value));

    public void Add(string key, IReadOnlyCollection<string> values) => Add(key, Kind.Array, Many(Kind.Text, values, Text));

    public void Add(string key, IReadOnlyCollection<int> values) => Add(key, Kind.Array, Many(Kind.Signed32, values, (writer, value) => writer.Write(value)));

    public void Add(string key, IReadOnlyCollection<float> values) => Add(key, Kind.Array, Many(Kind.Float32, values, (writer, value) => writer.Write(value)));

    /// <param name="name">As llama.cpp has it.</param>
    /// <param name="shape">Rows first, as in safetensors.</param>
    /// <param name="type">How it is stored.</param>
    /// <param name="read">Gives the values when their turn comes.</param>
    public void AddTensor(string name, long[] shape, GgufType type, Func<float[]> read) => _tensors.Add((name, shape, type, read));

    /// <summary>Writes the file beside its place and renames it when it is on the disk.</summary>
    /// <param name="path">The file's place.</param>
    /// <param name="written">Hears after each tensor how many bytes of how many are there.</param>
    public void Write(string path, Action<long, long> written) => CheckpointFolder.WriteAtomically(path, stream =>
    {
        var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_values.Count);
        foreach (var (key, write) in _values)
        {
            Text(writer, key);
            write(writer);
        }
        long offset = 0;
        foreach (var (name, shape, type, _) in _tensors)
        {
            Text(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var size in shape.Reverse())
                writer.Write((ulong)size);
            writer.Write((uint)type);
            writer.Write((ulong)offset);
            offset += Aligned(GgufBlocks.Bytes(type, Elements(shape)));
        }
        Pad(writer);
        long done = 0;
        foreach (var (name, shape, type, read) in _tensors)
        {
            var values = read();
            if (values.LongLength != Elements(shape))
                throw new InvalidOperationException($"{name} gave {values.LongLength} values for {Elements(shape)}.");
            writer.Flush();
            GgufBlocks.Write(stream, type, values, name);
            Pad(writer);
            written(done += Aligned(GgufBlocks.Bytes(type, values.Length)), offset);
        }
        writer.Flush();
    });

    private void Add(string key, Kind kind, Action<BinaryWriter> write) => _values.Add((key, writer =>
    {
        writer.Write((uint)kind);
        write(writer);
    }));

    private static Action<BinaryWriter> Many<T>(Kind kind, IReadOnlyCollection<T> values, Action<BinaryWriter, T> write) => writer =>
    {
        writer.Write((uint)kind);
        writer.Write((ulong)values.Count);
        foreach (var value in values)
            write(writer, value);
    };

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(BinaryWriter writer)
    {
        writer.Flush();
        while (writer.BaseStream.Position % Alignment != 0)
            writer.Write((byte)0);
        writer.Flush();
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static long Elements(long[] shape) => shape.Aggregate(1L, (product, size) => checked(product * size));
}
