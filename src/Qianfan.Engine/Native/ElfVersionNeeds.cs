using System.Buffers.Binary;
using System.Text;

namespace Qianfan.Engine.Native;

/// <summary>
/// Reads from a 64-bit little-endian ELF library which symbol versions it asks other libraries for, and marks one of them as weak.
/// </summary>
/// <remarks>
/// The dynamic linker refuses a library whose list of needed versions names one that the system's library lacks, even if no symbol of that version is ever bound.
/// A version marked weak is not refused. That is sound only while no relocation uses a symbol of that version, which <see cref="IsBound"/> tells.
/// Everything read is checked against the bounds of the file: a damaged file gives <see cref="InvalidDataException"/>.
/// </remarks>
internal sealed class ElfVersionNeeds
{
    private const ushort WeakFlag = 2;
    private const int ProgramLoad = 1, ProgramDynamic = 2;
    private const long TagPltRelSize = 2, TagStringTable = 5, TagRela = 7, TagRelaSize = 8, TagRelaEntry = 9,
        TagPltRel = 20, TagJumpRel = 23, TagVersionSymbols = 0x6ffffff0, TagVersionNeed = 0x6ffffffe, TagVersionNeedCount = 0x6fffffff;

    private readonly byte[] _image;
    private readonly List<(ulong Address, ulong Offset, ulong Size)> _segments = [];
    private readonly Dictionary<long, ulong> _dynamic = [];
    private readonly List<Need> _needs = [];

    private sealed record Need(string Version, ushort Index, long FlagsOffset);

    /// <summary>Reads the library's tables.</summary>
    /// <exception cref="InvalidDataException">The bytes are no such library, or point outside themselves.</exception>
    public ElfVersionNeeds(byte[] image)
    {
        _image = image;
        if (image.Length < 64 || !image.AsSpan(0, 4).SequenceEqual("\u007fELF"u8) || image[4] != 2 || image[5] != 1)
            throw new InvalidDataException("Not a 64-bit little-endian ELF file.");
        ReadSegments();
        ReadNeeds();
    }

    /// <summary>The versions asked for, as <c>GLIBCXX_3.4.32</c>.</summary>
    public IReadOnlyList<string> Versions => [.. _needs.Select(need => need.Version)];

    /// <summary>Whether a relocation binds a symbol of the version, so that the library can't work without it.</summary>
    public bool IsBound(string version)
    {
        var indexes = Find(version).Select(need => need.Index).ToHashSet();
        var versionSymbols = Offset(Tag(TagVersionSymbols));
        foreach (var symbol in RelocatedSymbols())
        {
            if (symbol != 0 && indexes.Contains((ushort)(U16(versionSymbols + 2 * symbol) & 0x7fff)))
                return true;
        }
        return false;
    }

    /// <summary>Marks the version as weak in the image that was given.</summary>
    /// <exception cref="InvalidOperationException">A relocation binds a symbol of that version.</exception>
    public void MakeWeak(string version)
    {
        if (IsBound(version))
            throw new InvalidOperationException($"Symbols of {version} are in use.");
        foreach (var need in Find(version))
        {
            var flags = Slice(need.FlagsOffset, 2);
            BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | WeakFlag));
        }
    }

    private List<Need> Find(string version)
    {
        var found = _needs.FindAll(need => need.Version == version);
        return found.Count > 0 ? found : throw new InvalidDataException($"The library does not ask for {version}.");
    }

    private void ReadSegments()
    {
        var table = checked((long)U64(32));
        int entrySize = U16(54), count = U16(56);
        if (entrySize < 56)
            throw new InvalidDataException("The ELF program header is too short.");
        (ulong Offset, ulong Size)? dynamic = null;
        for (var i = 0; i < count; i++)
        {
            var at = table + (long)i * entrySize;
            var type = U32(at);
            if (type == ProgramLoad)
                _segments.Add((U64(at + 16), U64(at + 8), U64(at + 32)));
            else if (type == ProgramDynamic)
                dynamic = (U64(at + 8), U64(at + 32));
        }
        if (dynamic is not var (offset, size))
            throw new InvalidDataException("The ELF file has no dynamic section.");
        for (ulong at = 0; at + 16 <= size; at += 16)
        {
            var tag = (long)U64(checked((long)(offset + at)));
            if (tag == 0)
                break;
            _dynamic[tag] = U64(checked((long)(offset + at + 8)));
        }
    }

    private void ReadNeeds()
    {
        if (!_dynamic.TryGetValue(TagVersionNeed, out var address))
            return;
        var at = Offset(address);
        var files = Tag(TagVersionNeedCount);
        for (ulong file = 0; file < files; file++)
        {
            int count = U16(at + 2);
            var entry = at + U32(at + 8);
            for (var i = 0; i < count; i++)
            {
                _needs.Add(new Need(Text(U32(entry + 8)), U16(entry + 6), entry + 4));
                var next = U32(entry + 12);
                if (next == 0)
                    break;
                entry += next;
            }
            var nextFile = U32(at + 12);
            if (nextFile == 0)
                break;
            at += nextFile;
        }
    }

    private IEnumerable<long> RelocatedSymbols()
    {
        const long entrySize = 24;
        if (_dynamic.TryGetValue(TagRelaEntry, out var declared) && declared != (ulong)entrySize)
            throw new InvalidDataException("Unknown size of relocation entries.");
        if (_dynamic.TryGetValue(TagPltRel, out var kind) && kind != (ulong)TagRela)
            throw new InvalidDataException("Unknown kind of relocation entries.");
        foreach (var (table, size) in new[] { (TagRela, TagRelaSize), (TagJumpRel, TagPltRelSize) })
        {
            if (!_dynamic.TryGetValue(table, out var address))
                continue;
            var start = Offset(address);
            var length = checked((long)Tag(size));
            for (long at = 0; at + entrySize <= length; at += entrySize)
                yield return (long)(U64(start + at + 8) >> 32);
        }
    }

    private string Text(uint offset)
    {
        var start = Offset(Tag(TagStringTable)) + offset;
        if (start < 0 || start >= _image.Length)
            throw new InvalidDataException("An ELF name lies outside the file.");
        var rest = _image.AsSpan((int)start);
        var end = rest.IndexOf((byte)0);
        return end < 0 ? throw new InvalidDataException("An ELF name has no end.") : Encoding.ASCII.GetString(rest[..end]);
    }

    private ulong Tag(long tag) =>
        _dynamic.TryGetValue(tag, out var value) ? value : throw new InvalidDataException($"The ELF dynamic section lacks entry {tag:x}.");

    private long Offset(ulong address)
    {
        foreach (var (start, offset, size) in _segments)
        {
            if (address >= start && address - start < size)
                return checked((long)(address - start + offset));
        }
        throw new InvalidDataException("An ELF address lies outside every segment.");
    }

    private Span<byte> Slice(long offset, int length) =>
        offset < 0 || offset > _image.Length - length ? throw new InvalidDataException("An ELF table lies outside the file.") : _image.AsSpan((int)offset, length);

    private ushort U16(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(offset, 2));

    private uint U32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(offset, 4));

    private ulong U64(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, 8));
}
