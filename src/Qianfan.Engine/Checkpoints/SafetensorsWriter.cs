using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Qianfan.Engine.Checkpoints;

/// <summary>Writes a safetensors file: values are asked for one tensor at a time, so that memory stays at one tensor.</summary>
internal sealed class SafetensorsWriter
{
    private readonly List<(string Name, long[] Shape, WeightFormat Format, ReadValues Values)> _tensors = [];
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Hands a tensor's values to <paramref name="consume"/>.</summary>
    public delegate void ReadValues(ConsumeValues consume);

    /// <summary>Takes values in order, in one or more parts.</summary>
    public delegate void ConsumeValues(ReadOnlySpan<float> values);

    public SafetensorsWriter Describe(string key, string value)
    {
        _metadata[key] = value;
        return this;
    }

    public SafetensorsWriter Describe(IEnumerable<KeyValuePair<string, string>> entries)
    {
        foreach (var (key, value) in entries)
            Describe(key, value);
        return this;
    }

    public void Add(string name, long[] shape, WeightFormat format, ReadValues values) => _tensors.Add((name, shape, format, values));

    public void Add(string name, long[] shape, WeightFormat format, float[] values) => Add(name, shape, format, consume => consume(values));

    /// <summary>Writes the file beside its place and renames it when it is on the disk.</summary>
    public void Write(string path) => CheckpointFolder.WriteAtomically(path, Write);

    private void Write(Stream stream)
    {
        var header = Header();
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (name, shape, format, values) in _tensors)
        {
            long written = 0;
            values(part =>
            {
                written += part.Length;
                Write(stream, format, part);
            });
            if (written != Elements(shape))
                throw new InvalidOperationException($"{name} gave {written} values for {Elements(shape)}.");
        }
    }

    private byte[] Header()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in _metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, shape, format, _) in _tensors)
            {
                var bytes = Elements(shape) * (format == WeightFormat.F32 ? 4 : 2);
                json.WriteStartObject(name);
                json.WriteString("dtype", format.ToString());
                json.WriteStartArray("shape");
                foreach (var size in shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        // Readers map the data: it starts at a multiple of eight, with spaces before it.
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void Write(Stream stream, WeightFormat format, ReadOnlySpan<float> values)
    {
        if (format == WeightFormat.F32)
        {
            stream.Write(MemoryMarshal.AsBytes(values));
            return;
        }
        var buffer = new ushort[Math.Min(values.Length, 1 << 16)];
        while (values.Length > 0)
        {
            var part = buffer.AsSpan(0, Math.Min(values.Length, buffer.Length));
            if (format == WeightFormat.BF16)
                Brain16.Narrow(values[..part.Length], part);
            else
                TensorPrimitives.ConvertToHalf(values[..part.Length], MemoryMarshal.Cast<ushort, Half>(part));
            stream.Write(MemoryMarshal.AsBytes(part));
            values = values[part.Length..];
        }
    }

    private static long Elements(long[] shape) => shape.Aggregate(1L, (product, size) => checked(product * size));
}
