using System.Buffers.Binary;
using System.Text;
using Qianfan.Engine.Native;

namespace Qianfan.Engine.Tests;

public sealed class ElfVersionNeedsTests
{
    /// <summary>A library whose tables lie at round offsets; symbol 1 has version 2 (LIB_1), symbol 2 version 3 (LIB_2).</summary>
    private static byte[] Library(int relocatedSymbol)
    {
        var image = new byte[0x1000];
        "\u007fELF"u8.CopyTo(image);
        (image[4], image[5]) = (2, 1);
        U64(32, 64);
        U16(54, 56);
        U16(56, 2);
        // One segment for all of the file, mapped at 0x10000, and the dynamic section in it.
        U32(64, 1);
        U64(64 + 8, 0);
        U64(64 + 16, 0x10000);
        U64(64 + 32, 0x1000);
        U32(120, 2);
        U64(120 + 8, 0x200);
        U64(120 + 32, 16 * 9);
        var at = 0x200;
        Dynamic(5, 0x10400);
        Dynamic(6, 0x10500);
        Dynamic(0x6ffffff0, 0x10600);
        Dynamic(0x6ffffffe, 0x10700);
        Dynamic(0x6fffffff, 1);
        Dynamic(7, 0x10800);
        Dynamic(8, 24);
        Dynamic(9, 24);
        Encoding.ASCII.GetBytes("\0libx.so\0LIB_1\0LIB_2\0").CopyTo(image, 0x400);
        U16(0x602, 2);
        U16(0x604, 3);
        U16(0x700, 1);
        U16(0x702, 2);
        U32(0x704, 1);
        U32(0x708, 16);
        Need(0x710, 2, 9, next: 16);
        Need(0x720, 3, 15, next: 0);
        U64(0x808, (ulong)relocatedSymbol << 32 | 6);
        return image;

        void Dynamic(long tag, ulong value)
        {
            U64(at, (ulong)tag);
            U64(at + 8, value);
            at += 16;
        }

        void Need(int offset, ushort index, uint name, uint next)
        {
            U16(offset + 6, index);
            U32(offset + 8, name);
            U32(offset + 12, next);
        }

        void U16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);
        void U32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);
    }

    [Fact]
    public void The_versions_that_a_library_needs_are_found() => new ElfVersionNeeds(Library(1)).Versions.ShouldBe(["LIB_1", "LIB_2"]);

    [Fact]
    public void A_version_that_nothing_binds_is_made_weak_and_nothing_else_changes()
    {
        var image = Library(relocatedSymbol: 1);
        var before = image.ToArray();
        new ElfVersionNeeds(image).MakeWeak("LIB_2");
        Enumerable.Range(0, image.Length).Where(i => image[i] != before[i]).ShouldBe([0x724]);
        image[0x724].ShouldBe((byte)2);
    }

    [Fact]
    public void A_version_that_is_in_use_is_left_alone()
    {
        var image = Library(relocatedSymbol: 2);
        Should.Throw<InvalidOperationException>(() => new ElfVersionNeeds(image).MakeWeak("LIB_2"));
        image.ShouldBe(Library(relocatedSymbol: 2));
    }

    [Fact]
    public void A_version_that_is_not_asked_for_is_an_error() => Should.Throw<InvalidDataException>(() => new ElfVersionNeeds(Library(1)).MakeWeak("LIB_9"));

    [Fact]
    public void Damaged_files_give_a_clear_fault_and_never_more()
    {
        var good = Library(1);
        var random = new SeededRandom(2);
        for (var round = 0; round < 2000; round++)
        {
            var bad = good[..(round % 4 == 0 ? random.Next(good.Length) : good.Length)];
            for (var i = 0; i < 4 && bad.Length > 0; i++)
                bad[random.Next(Math.Min(bad.Length, 0x830))] = (byte)random.Next(256);
            try
            {
                new ElfVersionNeeds(bad).MakeWeak("LIB_2");
            }
            catch (Exception exception)
            {
                (exception is InvalidDataException or InvalidOperationException or OverflowException).ShouldBeTrue(exception.ToString());
            }
        }
    }

    [Fact]
    public void The_missing_version_is_read_from_what_the_loader_says()
    {
        NativeLibraryMending.MissingVersion("/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x/libLibTorchSharp.so)").ShouldBe("GLIBCXX_3.4.32");
        NativeLibraryMending.MissingVersion("libgomp.so.1: cannot open shared object file").ShouldBeNull();
    }

    [Fact]
    public void A_library_that_is_not_there_is_an_error_that_names_it()
    {
        using var folder = new TestFolder();
        var refusal = Should.Throw<EngineException>(() => NativeLibraryMending.Load(folder.At("libmissing.so"), folder.Path));
        refusal.Code.ShouldBe(WorkerProtocol.WorkerErrors.NativeLibrary);
        refusal.Message.ShouldContain("libmissing.so");
    }
}
