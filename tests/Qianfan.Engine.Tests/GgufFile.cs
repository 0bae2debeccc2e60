using System.Text;

namespace Qianfan.Engine.Tests;

/// <summary>Reads a GGUF file by the format's description, for tests.</summary>
internal sealed record GgufFile(Dictionary<string, object> Values, Dictionary<string, GgufFile.Tensor> Tensors)
{
    internal sealed record Tensor(long[] Shape, int Type, float[] Values);

    public static GgufFile Read(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8);
        Encoding.ASCII.GetString(reader.ReadBytes(4)).ShouldBe("GGUF");
        reader.ReadUInt32().ShouldBe(3u);
        var tensors = reader.ReadUInt64();
        var values = new Dictionary<string, object>();
        for (var left = reader.ReadUInt64(); left > 0; left--)
            values.Add(Text(reader), Value(reader, reader.ReadUInt32()));
        var places = new List<(string Name, long[] Shape, int Type, long Offset)>();
        for (; tensors > 0; tensors--)
        {
            var name = Text(reader);
            var shape = Enumerable.Range(0, (int)reader.ReadUInt32()).Select(_ => reader.ReadInt64()).ToArray();
            places.Add((name, shape, (int)reader.ReadUInt32(), reader.ReadInt64()));
        }
        var start = (reader.BaseStream.Position + 31) / 32 * 32;
        var read = new Dictionary<string, Tensor>();
        foreach (var (name, shape, type, offset) in places)
        {
            (offset % 32).ShouldBe(0);
            reader.BaseStream.Position = start + offset;
            read.Add(name, new Tensor(shape, type, Numbers(reader, type, (int)shape.Aggregate(1L, (product, size) => product * size))));
        }
        return new GgufFile(values, read);
    }

    private static float[] Numbers(BinaryReader reader, int type, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count;)
        {
            switch (type)
            {
                case 0:
                    values[i++] = reader.ReadSingle();
                    break;
                case 1:
                    values[i++] = (float)reader.ReadHalf();
                    break;
                case 8:
                    var scale = (float)reader.ReadHalf();
                    for (var end = i + 32; i < end; i++)
                        values[i] = scale * reader.ReadSByte();
                    break;
                default:
                    var step = (float)reader.ReadHalf();
                    for (var j = 0; j < 16; j++)
                    {
                        var pair = reader.ReadByte();
                        values[i + j] = step * ((pair & 15) - 8);
                        values[i + j + 16] = step * ((pair >> 4) - 8);
                    }
                    i += 32;
                    break;
            }
        }
        return values;
    }

    private static object Value(BinaryReader reader, uint kind) => kind switch
    {
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadBoolean(),
        8 => Text(reader),
        9 => Many(reader, reader.ReadUInt32(), (int)reader.ReadUInt64()),
        _ => throw new InvalidDataException($"kind {kind}"),
    };

    private static object[] Many(BinaryReader reader, uint kind, int count) => [.. Enumerable.Range(0, count).Select(_ => Value(reader, kind))];

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));
}
