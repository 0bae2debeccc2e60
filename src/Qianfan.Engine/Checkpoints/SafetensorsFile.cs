using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>Reads a safetensors file. Nothing is read outside the file, whatever its header says.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private const int MostHeaderBytes = 64 << 20;
    private readonly FileStream _stream;
    private readonly string _name;
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>A tensor's place in the file.</summary>
    internal sealed record StoredTensor(WeightFormat Format, long[] Shape, long Offset, long Elements);

    private SafetensorsFile(FileStream stream)
    {
        _stream = stream;
        _name = Path.GetFileName(stream.Name);
    }

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <exception cref="EngineException">Code <c>invalid_model</c>: missing, damaged, or a number format that is not supported.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EngineException(WorkerErrors.InvalidModel, $"{Path.GetFileName(path)} can't be read: {exception.Message}", exception);
        }
        var file = new SafetensorsFile(stream);
        try
        {
            file.ReadHeader();
            return file;
        }
        catch (Exception exception)
        {
            file.Dispose();
            if (exception is JsonException or KeyNotFoundException or EndOfStreamException or OverflowException or InvalidOperationException or FormatException)
                throw file.Damaged($"its header can't be read ({exception.Message})", exception);
            throw;
        }
    }

    /// <summary>A tensor's values as 32-bit floats.</summary>
    public float[] Read(string name)
    {
        var values = new float[Find(name).Elements];
        Read(name, values);
        return values;
    }

    /// <summary>Fills <paramref name="values"/>, whose length must be the tensor's.</summary>
    public void Read(string name, Span<float> values)
    {
        var tensor = Find(name);
        if (values.Length != tensor.Elements)
            throw Damaged($"{name} has {tensor.Elements} values where {values.Length} are expected");
        _stream.Position = tensor.Offset;
        if (tensor.Format == WeightFormat.F32)
        {
            _stream.ReadExactly(MemoryMarshal.AsBytes(values));
            return;
        }
        var buffer = new ushort[Math.Min(values.Length, 1 << 16)];
        while (values.Length > 0)
        {
            var part = buffer.AsSpan(0, Math.Min(values.Length, buffer.Length));
            _stream.ReadExactly(MemoryMarshal.AsBytes(part));
            if (tensor.Format == WeightFormat.BF16)
                Brain16.Widen(part, values);
            else
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<ushort, Half>(part), values);
            values = values[part.Length..];
        }
    }

    public void Dispose() => _stream.Dispose();

    private StoredTensor Find(string name) => _tensors.TryGetValue(name, out var tensor) ? tensor : throw Damaged($"{name} is missing");

    private void ReadHeader()
    {
        Span<byte> lengthBytes = stackalloc byte[8];
        _stream.ReadExactly(lengthBytes);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > MostHeaderBytes || (long)length > _stream.Length - 8)
            throw Damaged($"its header claims {length} bytes in a file of {_stream.Length}");
        var header = new byte[length];
        _stream.ReadExactly(header);
        var dataStart = 8 + (long)length;
        using var document = JsonDocument.Parse(header);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.NameEquals("__metadata__"))
                Metadata = property.Value.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.ToString());
            else if (!_tensors.TryAdd(property.Name, ReadTensor(property, dataStart)))
                throw Damaged($"{property.Name} appears twice");
        }
    }

    private StoredTensor ReadTensor(JsonProperty property, long dataStart)
    {
        var dtype = property.Value.GetProperty("dtype").GetString();
        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (!Enum.TryParse<WeightFormat>(dtype, out var format) || format.ToString() != dtype)
            throw Damaged($"{property.Name} is stored as {dtype}; only F32, F16 and BF16 are supported");
        if (shape.Any(size => size < 0) || offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > _stream.Length - dataStart)
            throw Damaged($"{property.Name} lies outside the file");
        var elements = shape.Aggregate(1L, (product, size) => checked(product * size));
        if (checked(elements * (format == WeightFormat.F32 ? 4 : 2)) != offsets[1] - offsets[0])
            throw Damaged($"{property.Name} has {offsets[1] - offsets[0]} bytes for {elements} values");
        if (elements > Array.MaxLength)
            throw Damaged($"{property.Name} has {elements} values, more than {Array.MaxLength}");
        return new StoredTensor(format, shape, dataStart + offsets[0], elements);
    }

    private EngineException Damaged(string reason, Exception? inner = null) => new(WorkerErrors.InvalidModel, $"{_name}: {reason}.", inner);
}
