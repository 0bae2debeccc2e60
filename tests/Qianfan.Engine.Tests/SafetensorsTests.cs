using System.Buffers.Binary;
using System.Text;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F32", 0)]
    [InlineData("F16", 0.001)]
    [InlineData("BF16", 0.01)]
    public void Values_come_back_as_precise_as_the_format(string name, double tolerance)
    {
        var values = Enumerable.Range(0, 70_000).Select(i => MathF.Sin(i) * 3).ToArray();
        var writer = new SafetensorsWriter().Describe("origin", "test 天");
        writer.Add("a", [2], WeightFormat.F32, [1f, -2f]);
        writer.Add("b.weight", [7, 10_000], Enum.Parse<WeightFormat>(name), values);
        writer.Write(_folder.At("x.safetensors"));

        using var file = SafetensorsFile.Open(_folder.At("x.safetensors"));
        file.Metadata["origin"].ShouldBe("test 天");
        file.Tensors["b.weight"].Shape.ShouldBe([7, 10_000]);
        file.Read("a").ShouldBe([1f, -2f]);
        var read = file.Read("b.weight");
        for (var i = 0; i < values.Length; i++)
            Math.Abs(read[i] - values[i]).ShouldBeLessThanOrEqualTo((float)(tolerance * Math.Max(0.1, Math.Abs(values[i]))));
    }

    [Fact]
    public void Brain_floats_round_to_the_nearest_and_keep_what_is_no_number()
    {
        var narrow = new ushort[5];
        Brain16.Narrow([1f, 1.00390625f, 1.01171875f, float.NaN, float.NegativeInfinity], narrow);
        var wide = new float[5];
        Brain16.Widen(narrow, wide);
        wide[0].ShouldBe(1f);
        wide[1].ShouldBe(1f);
        wide[2].ShouldBe(1.015625f);
        wide[3].ShouldBe(float.NaN);
        wide[4].ShouldBe(float.NegativeInfinity);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"0","shape":[2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"shape":[2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":7}""", 8)]
    [InlineData("""[1,2]""", 8)]
    [InlineData("""{"a":{"dtype":"F32",""", 8)]
    public void A_header_that_lies_is_refused(string header, int dataBytes)
    {
        File.WriteAllBytes(_folder.At("x.safetensors"), [.. Length((ulong)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]]);
        Refused();
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1_000_000UL)]
    [InlineData(0UL)]
    public void A_header_length_that_lies_is_refused(ulong length)
    {
        File.WriteAllBytes(_folder.At("x.safetensors"), [.. Length(length), .. "{}"u8]);
        Refused();
    }

    [Fact]
    public void Random_damage_never_does_more_than_a_refusal()
    {
        var writer = new SafetensorsWriter();
        writer.Add("a", [2, 3], WeightFormat.F32, new float[6]);
        writer.Write(_folder.At("good.safetensors"));
        var good = File.ReadAllBytes(_folder.At("good.safetensors"));
        var random = new SeededRandom(3);
        for (var round = 0; round < 500; round++)
        {
            var bad = good[..(round % 3 == 0 ? random.Next(good.Length) : good.Length)];
            for (var i = 0; i < 3 && bad.Length > 0; i++)
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(_folder.At("x.safetensors"), bad);
            try
            {
                using var file = SafetensorsFile.Open(_folder.At("x.safetensors"));
                foreach (var name in file.Tensors.Keys)
                    file.Read(name).LongLength.ShouldBe(file.Tensors[name].Elements);
            }
            catch (EngineException exception)
            {
                exception.Code.ShouldBe(WorkerErrors.InvalidModel);
            }
        }
    }

    private void Refused() =>
        Should.Throw<EngineException>(() => SafetensorsFile.Open(_folder.At("x.safetensors"))).Code.ShouldBe(WorkerErrors.InvalidModel);

    private static byte[] Length(ulong length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        return bytes;
    }
}
